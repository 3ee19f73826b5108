"""The plan of an organisation as a reviewer sees it: the same parts as `penstock plan --format html`."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from starlette.responses import Response

from controller.domain.page_addresses import organization_address
from controller.planning.rendering.page import page
from controller.questions.plan_views import stored_plan_view
from controller.questions.stored_plan import plan_now
from controller.service.pages.asked import Asked
from controller.service.pages.hints import plan_on_page
from controller.service.pages.offers import Offer, action_address
from controller.service.pages.organization_frame import organization_page, seen
from controller.service.pages.paging import list_page, whole_number

_SHOWN: Final = 200
"""Lines of changes on one page. A line may be a whole group."""


def plan(asked: Asked) -> Response:
    """`/organizations/{organization}/plan`."""
    view = seen(asked)
    document = plan_now(view)
    if document is None:
        return organization_page(asked, "plan", view, live=True, content=None, unlisted=(), page=None, offers=())
    content = page(stored_plan_view(plan_on_page(document)))
    offset = whole_number(asked.query("offset"))
    address = organization_address(asked.organization, "plan")
    listed = list_page(address, {}, offset, _SHOWN, len(content.entries))
    offers: tuple[Offer, ...] = ()
    if content.actions and asked.may_operate(asked.organization):
        offers = (
            Offer("Approve this plan", action_address(asked.organization, "approve", digest=document.digest)),
            Offer("Sync", action_address(asked.organization, "sync", digest=document.digest)),
        )
    return organization_page(
        asked,
        "plan",
        view,
        live=True,
        content=replace(content, entries=content.entries[offset : offset + _SHOWN]),
        page=listed,
        offers=offers,
        in_page=True,
    )
