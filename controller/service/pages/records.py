"""Records: drift that the last pass found, the audit log, and syncs with their changes and the calls of each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from starlette.responses import Response

from controller.domain.errors.api import UnknownResource
from controller.domain.page_addresses import organization_address, sync_address, with_query
from controller.questions.audit_log import audit_page
from controller.questions.open_drift import drift_documents
from controller.questions.sync_log import sync_detail, sync_page
from controller.service.access.person import EVERY, Role
from controller.service.pages.asked import Asked
from controller.service.pages.board import visible_to
from controller.service.pages.organization_frame import known, organization_page, seen
from controller.service.pages.paging import list_page, whole_number
from controller.store.audit_reading import AuditQuery

_SHOWN: Final = 50
_LONGEST: Final = 200
_STEPS: Final = 200


def drift(asked: Asked) -> Response:
    """`/organizations/{organization}/drift`."""
    view = seen(asked)
    store, name = asked.window.services.store, asked.organization
    since = {(each.flow, each.kind): each.since for each in drift_documents(store, view.kept_as or name)}
    rows = [(each, since.get(_drift_key(each)) or _day(str(each.get("at")))) for each in view.drift]
    return organization_page(asked, "drift", view, live=True, drift=rows)


def _drift_key(drift: Mapping[str, Any]) -> tuple[str, str]:
    """How the store names open drift: by the flow's type and name, and by kind."""
    return f"{drift.get('type')}/{drift.get('name')}", str(drift.get("kind"))


def audit(asked: Asked) -> Response:
    """`/audit`: of all organisations that the person may see."""
    organizations = [view.organization for view in asked.window.services.store.views.organizations()]
    allowed = list(filter(visible_to(asked), organizations))
    chosen = asked.query("organization")
    everything = not chosen and any(grant.organizations == EVERY for grant in asked.person.grants)
    wanted = [chosen] if chosen and visible_to(asked)(chosen) else None if everything else allowed
    return asked.page("audit", "/audit", organizations=allowed, chosen=chosen, **_entries(asked, wanted, "/audit"))


def organization_audit(asked: Asked) -> Response:
    """`/organizations/{organization}/audit`."""
    address = organization_address(asked.organization, "audit")
    return organization_page(
        asked, "organization_audit", known(asked), **_entries(asked, [asked.organization], address)
    )


def _entries(asked: Asked, organizations: list[str] | None, address: str) -> dict[str, Any]:
    """The entries that the query asks for, and what the form shows of it."""
    fields = {name: asked.query(name)[:_LONGEST] for name in ("organization", "action", "flow", "actor")}
    days = {name: asked.query(name)[:_LONGEST] for name in ("since", "until")}
    query = AuditQuery(
        organizations=organizations,
        action=fields["action"] or None,
        flow=fields["flow"] or None,
        actor=fields["actor"] or None,
        since=_day(days["since"]),
        until=_day(days["until"]),
        before=whole_number(asked.query("before")) or None,
    )
    found = audit_page(asked.window.services.store, query, _SHOWN)
    older = None if found.next is None else with_query(address, {**fields, **days, "before": found.next})
    return {"entries": found.entries, "fields": fields, "days": days, "older": older, "address": address}


def _day(text: str) -> datetime | None:
    """The beginning of a day in UTC, or the moment that the text names; None where it names none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


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
