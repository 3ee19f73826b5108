"""Which flows are asked for, and in which order, as conditions of a query."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import ColumnElement, case

from controller.domain.status import Health, SyncStatus
from controller.store.live_schema import flow_views


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowFilter:
    """What a flow must have; None and empty ask for nothing."""

    search: str = ""
    """Part of the flow's manifest name, name or type, in any case."""
    sync: SyncStatus | None = None
    health: Health | None = None
    type: str | None = None
    """The flow's type as the Platform API spells it."""
    label: str | None = None
    """`key=value`, or `key` for any value; in any case."""
    change: str | None = None
    """The kind of the planned change, `none` for a flow in sync."""


class FlowSort(StrEnum):
    """The order of flows: by this first, then by organisation and flow. A `-` reverses the first."""

    FLOW = "flow"
    NAME = "name"
    TYPE = "type"
    SYNC = "sync"
    HEALTH = "health"
    """From best to worst."""
    CHANGE = "change"
    AT = "at"
    FLOW_DESCENDING = "-flow"
    NAME_DESCENDING = "-name"
    TYPE_DESCENDING = "-type"
    SYNC_DESCENDING = "-sync"
    HEALTH_DESCENDING = "-health"
    """From worst to best."""
    CHANGE_DESCENDING = "-change"
    AT_DESCENDING = "-at"


_SEPARATOR: Final = "\n"


def searched(flow: str, name: str, type_: str) -> str:
    """The text in which is searched. Folded here: SQLite folds ASCII alone."""
    return _SEPARATOR.join((flow, name, type_)).casefold()


def labelled(labels: Mapping[str, str]) -> str:
    """The labels as one text, each between two separators."""
    return "".join(f"{_SEPARATOR}{key}={value}{_SEPARATOR}" for key, value in sorted(labels.items())).casefold()


def conditions(
    organization: str | None, wanted: FlowFilter, health: ColumnElement[str]
) -> tuple[ColumnElement[bool], ...]:
    """What a row must fulfil; `health` is the shown one."""
    columns = flow_views.c
    found: list[ColumnElement[bool]] = []
    if organization is not None:
        found.append(columns.organization == organization)
    if wanted.search:
        found.append(columns.searched.contains(wanted.search.casefold(), autoescape=True))
    if wanted.sync is not None:
        found.append(columns.sync == wanted.sync.value)
    if wanted.health is not None:
        found.append(health == wanted.health.value)
    if wanted.type is not None:
        found.append(columns.type == wanted.type)
    if wanted.label:
        end = _SEPARATOR if "=" in wanted.label else "="
        label = f"{_SEPARATOR}{wanted.label.casefold()}{end}"
        found.append(columns.labelled.contains(label, autoescape=True))
    if wanted.change is not None:
        found.append(columns.change == wanted.change)
    return tuple(found)


def order(sort: FlowSort, health: ColumnElement[str]) -> tuple[ColumnElement[object], ...]:
    """The columns to sort by."""
    by = sort.value.removeprefix("-")
    first: ColumnElement[object] = flow_views.c[by]
    if by == FlowSort.HEALTH.value:
        first = case({each.value: rank for rank, each in enumerate(Health)}, value=health, else_=len(Health))
    first = first.desc() if sort.value.startswith("-") else first.asc()
    return first, flow_views.c.organization.asc(), flow_views.c.flow.asc()
