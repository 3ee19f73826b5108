"""Syncs, and one sync with its changes and the calls that each made."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from controller.domain.errors.api import UnknownResource
from controller.questions.sync_log import sync_detail, sync_page
from controller.service.access.person import Role
from controller.service.pages.addresses import organization_address, sync_address, with_query
from controller.service.pages.asked import Asked
from controller.service.pages.board import visible_to
from controller.service.pages.organization_frame import known, organization_page
from controller.service.pages.paging import list_page, whole_number

_SHOWN: Final = 50
_STEPS: Final = 200


def syncs(asked: Asked) -> Response:
    """`/syncs`: of all organisations that the person may see."""
    store = asked.window.services.store
    names = {view.kept_as or view.organization: view.organization for view in store.views.organizations()}
    allowed = [kept_as for kept_as, name in names.items() if visible_to(asked)(name)]
    found = sync_page(store, allowed, limit=_SHOWN, before=whole_number(asked.query("before")) or None)
    older = with_query("/syncs", {"before": found.next}) if found.next is not None else None
    return asked.page("syncs", "/syncs", live=True, syncs=found.syncs, names=names, older=older)


def organization_syncs(asked: Asked) -> Response:
    """`/organizations/{organization}/syncs`."""
    view = known(asked)
    kept_as = (view.kept_as if view is not None else "") or asked.organization
    before = whole_number(asked.query("before")) or None
    found = sync_page(asked.window.services.store, [kept_as], limit=_SHOWN, before=before)
    address = organization_address(asked.organization, "syncs")
    older = with_query(address, {"before": found.next}) if found.next is not None else None
    return organization_page(asked, "organization_syncs", view, live=True, syncs=found.syncs, older=older)


def sync(asked: Asked) -> Response:
    """`/syncs/{sync}`."""
    store, number = asked.window.services.store, asked.request.path_params["sync"]
    listed = store.sync_list.find(number)
    names = {view.kept_as or view.organization: view.organization for view in store.views.organizations()}
    name = names.get(listed.sync.organization, listed.sync.organization) if listed is not None else ""
    if listed is None or not asked.person.may(Role.READ, name):
        raise UnknownResource(f"There is no sync {number}.")
    offset = whole_number(asked.query("offset"))
    found = sync_detail(store, listed, limit=_STEPS, offset=offset)
    page = list_page(sync_address(number), {}, offset, _STEPS, found.total)
    return asked.page("sync", "/syncs", live=True, organization=name, found=found, sync=found.sync, page=page)
