"""All pages, joined: addresses, and the functions that answer them."""

from __future__ import annotations

from typing import Final

from starlette.routing import Route

from controller.service.api.paths import WHOLE
from controller.service.assets import asset_routes
from controller.service.pages.actions import act, confirm
from controller.service.pages.asked import Pages
from controller.service.pages.board import organization, organizations, plan, running
from controller.service.pages.flow import flow
from controller.service.pages.flow_list import flows
from controller.service.pages.graph import graph
from controller.service.pages.records import audit, drift, organization_audit, organization_syncs, sync, syncs

_READ: Final = (
    ("/", organizations),
    ("/running", running),
    ("/syncs", syncs),
    ("/syncs/{sync:int}", sync),
    ("/audit", audit),
    ("/organizations/{organization}", organization),
    ("/organizations/{organization}/flows", flows),
    ("/organizations/{organization}/plan", plan),
    ("/organizations/{organization}/graph", graph),
    ("/organizations/{organization}/syncs", organization_syncs),
    ("/organizations/{organization}/drift", drift),
    ("/organizations/{organization}/audit", organization_audit),
)


def page_routes(pages: Pages) -> list[Route]:
    """The pages, their actions and their assets."""
    found = [Route(address, pages.reading(answer), methods=["GET", "HEAD"]) for address, answer in _READ]
    action = "/organizations/{organization}/actions/{verb}"
    return [
        *asset_routes(),
        *found,
        # A flow without a manifest has the name type/name.
        Route(f"/organizations/{{organization}}/flows/{{flow:{WHOLE}}}", pages.awaiting(flow), methods=["GET", "HEAD"]),
        Route(action, pages.operating(confirm), methods=["GET", "HEAD"]),
        Route(action, pages.operating(act), methods=["POST"]),
    ]
