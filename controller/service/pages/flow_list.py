"""The flows of an organisation: searched, filtered, sorted and paged by the store."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, TypeVar

from starlette.responses import Response

from controller.domain.page_addresses import organization_address, with_query
from controller.domain.status import Health, SyncStatus
from controller.planning.model import ChangeKind
from controller.questions.live_state import FlowPageChoice, flows_now
from controller.service.pages.asked import Asked
from controller.service.pages.organization_frame import known, organization_page
from controller.service.pages.paging import list_page, whole_number
from controller.store.flow_filter import FlowFilter, FlowSort

_SHOWN: Final = 50
_LONGEST: Final = 200
"""Characters of a field that are searched for."""
_COLUMNS: Final = (
    ("Flow", FlowSort.FLOW, FlowSort.FLOW_DESCENDING),
    ("Type", FlowSort.TYPE, FlowSort.TYPE_DESCENDING),
    ("Sync", FlowSort.SYNC, FlowSort.SYNC_DESCENDING),
    ("Health", FlowSort.HEALTH, FlowSort.HEALTH_DESCENDING),
    ("Change", FlowSort.CHANGE, FlowSort.CHANGE_DESCENDING),
    ("Since", FlowSort.AT, FlowSort.AT_DESCENDING),
)
W = TypeVar("W", bound=StrEnum)


def flows(asked: Asked) -> Response:
    """`/organizations/{organization}/flows`."""
    name, view = asked.organization, known(asked)
    wanted = _wanted(asked)
    sort = _word(FlowSort, asked.query("sort")) or FlowSort.FLOW
    offset = whole_number(asked.query("offset"))
    found = flows_now(asked.window.services.store, name, FlowPageChoice(wanted, sort, _SHOWN, offset))
    address = organization_address(name, "flows")
    asked_for: dict[str, object] = {
        "search": wanted.search,
        "sync": wanted.sync,
        "health": wanted.health,
        "type": wanted.type,
        "label": wanted.label,
        "change": wanted.change,
    }
    return organization_page(
        asked,
        "flows",
        view,
        live=True,
        flows=found.flows,
        wanted=wanted,
        sort=sort,
        filtered=any(asked_for.values()),
        choices={"sync": list(SyncStatus), "health": list(Health), "change": list(ChangeKind)},
        columns=[_column(address, asked_for, column, sort) for column in _COLUMNS],
        page=list_page(address, asked_for | {"sort": _unless_usual(sort)}, offset, _SHOWN, found.total),
        address=address,
    )


def _wanted(asked: Asked) -> FlowFilter:
    """What the query asks for; a word that is not one of ours asks for nothing."""
    return FlowFilter(
        search=asked.query("search")[:_LONGEST],
        sync=_word(SyncStatus, asked.query("sync")),
        health=_word(Health, asked.query("health")),
        type=asked.query("type")[:_LONGEST] or None,
        label=asked.query("label")[:_LONGEST] or None,
        change=_word(ChangeKind, asked.query("change")),
    )


def _word(words: type[W], text: str) -> W | None:
    return next((each for each in words if each.value == text), None)


def _unless_usual(sort: FlowSort) -> str | None:
    return None if sort is FlowSort.FLOW else sort.value


def _column(
    address: str, asked_for: dict[str, object], column: tuple[str, FlowSort, FlowSort], sort: FlowSort
) -> tuple[str, str, str | None]:
    """Text, the address that sorts by it, and how the list is sorted by it now."""
    text, up, down = column
    order = {up: "ascending", down: "descending"}.get(sort)
    following = down if sort is up else up
    return text, with_query(address, asked_for | {"sort": _unless_usual(following)}), order
