"""What the last pass over each organisation found, so that every replica and every reader has the same answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, bindparam, case, delete, func, insert, select, update

from controller.domain.redaction import SECRETS
from controller.domain.status import Health, SyncStatus
from controller.store.columns import MaskedJson, MaskedText
from controller.store.database import StorePart, insert_if_absent, insert_or_update
from controller.store.flow_filter import FlowFilter, FlowSort, conditions, labelled, order, searched
from controller.store.live_marks import LiveTopic, touch
from controller.store.live_schema import flow_views, organization_views, plan_views, running_flows
from controller.store.running import NOT_MOVING


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationView:
    """One organisation as the last pass over it found it."""

    organization: str
    """`metadata.name`."""
    kept_as: str = ""
    """The name under which the store keeps its history; empty until the organisation is known."""
    revision: str | None
    """The commit of the pass."""
    sync: SyncStatus
    health: Health
    """`Progressing` while one of its flows is being changed."""
    message: str
    """How the pass ended."""
    trigger: str
    """Why there was a pass."""
    at: datetime
    """When it ended; before the first one has ended, since when the organisation is known."""
    looked_fully_at: datetime | None = None
    """When all flows were last read."""
    duration_s: float = 0.0
    flows: Mapping[str, int] = field(default_factory=dict)
    """Number of managed flows by health."""
    unmanaged: int = 0
    """Number of live flows that no manifest names."""
    plan_digest: str | None = None
    """The digest of the plan that holds now; None where the pass could not make one."""
    plan: Mapping[str, Any] | None = None
    """The organisation's object of `penstock.plan/v1`; None without a plan, and in a list of organisations.

    Its `held_back` is that of the view.
    """
    warnings: Sequence[str] = ()
    drift: Sequence[Mapping[str, Any]] = ()
    """Out-of-band differences: `flow`, `message`, `version`, `by`, `at`."""
    held_back: Sequence[Mapping[str, Any]] = ()
    """Refusals of a delivery at that time: `flow`, `code`, `message`, `hint`."""
    holder: str = ""
    """The controller that ran the pass; empty before the first one has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowView:
    """One managed flow as the last pass found it."""

    organization: str
    flow: str
    """`metadata.name`."""
    type: str
    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    sync: SyncStatus
    health: Health
    """`Progressing` while it is being changed."""
    wanted: str | None = None
    """The desired state: the version or the digest of the source."""
    recorded: str | None = None
    """The version in the lock file."""
    version: str | None = None
    """The live version."""
    flow_id: str | None = None
    change: str
    """The change that a plan has for it; `none` when in sync, and before a pass found its state."""
    locked_by: str | None = None
    message: str = ""
    at: datetime
    """Since when it is as it is shown."""


@dataclass(frozen=True, slots=True)
class FlowPage:
    """Some of the flows that were found, and how many there are."""

    items: tuple[FlowView, ...]
    total: int


class Views(StorePart):
    """Every method may raise StoreFailed."""

    def post(self, view: OrganizationView, flows: Collection[FlowView]) -> None:
        """Keep what a pass found of an organisation, its plan and all its flows; only rows that differ are written."""
        with self._database.write() as connection:
            _write_organization(connection, view)
            _write_plan(connection, view)
            _write_flows(connection, view.organization, flows)
            touch(connection, view.organization, LiveTopic.VIEW)

    def note(self, view: OrganizationView) -> None:
        """Keep what a pass found where plan and flows are what they were."""
        with self._database.write() as connection:
            _write_organization(connection, view)
            touch(connection, view.organization, LiveTopic.VIEW)

    def expect(self, view: OrganizationView, flows: Collection[FlowView]) -> None:
        """Keep what is known before the first pass has ended, unless something of the organisation is kept already."""
        with self._database.write() as connection:
            if insert_if_absent(connection, organization_views, _values(view, _ORGANIZATION_FIELDS)):
                _write_flows(connection, view.organization, flows)
                touch(connection, view.organization, LiveTopic.VIEW)

    def expect_more(self, organization: str, flows: Collection[FlowView]) -> None:
        """Keep what is known of flows that no pass has found yet. Flows that are kept already stay as they are."""
        with self._database.write() as connection:
            own = flow_views.c.organization == organization
            kept = frozenset(connection.execute(select(flow_views.c.flow).where(own)).scalars())
            new = [flow for flow in flows if flow.flow not in kept]
            of = organization_views.c.organization == organization
            counts = connection.execute(select(organization_views.c.flows).where(of)).scalar_one_or_none()
            if not new or counts is None:
                return
            for flow in new:
                insert_if_absent(connection, flow_views, _flow_values(flow))
            more = {Health.UNKNOWN.value: counts.get(Health.UNKNOWN.value, 0) + len(new)}
            connection.execute(update(organization_views).where(of).values(flows=counts | more))
            touch(connection, organization, LiveTopic.VIEW)

    def renew(self, view: OrganizationView) -> bool:
        """Keep the time of a look that found what the last one found; False where that was another controller's.

        Writes one row, and tells readers of no change.
        """
        mine = organization_views.c.organization == view.organization, organization_views.c.holder == view.holder
        values = _values(view, _ORGANIZATION_FIELDS)
        return self._write(update(organization_views).where(*mine).values(values)) > 0

    def forget(self, gone: Collection[str]) -> None:
        """Forget these organisations."""
        with self._database.write() as connection:
            for name in sorted(gone):
                for table in (organization_views, plan_views, flow_views):
                    connection.execute(delete(table).where(table.c.organization == name))
                touch(connection, name, LiveTopic.VIEW)

    def organizations(self) -> list[OrganizationView]:
        """All organisations, by name, without their plans."""
        moving = self._moving(None)
        return [_organization(row, moving) for row in self._rows(_ORGANIZATIONS)]

    def healths(self) -> dict[str, Health]:
        """The health of each organisation."""
        moving = self._moving(None)
        return {row["organization"]: _shown_health(row, moving) for row in self._rows(_HEALTHS)}

    def organization(self, name: str) -> OrganizationView | None:
        """One organisation with its plan."""
        rows = self._rows(_WITH_PLAN, organization=name)
        return next((_organization(row, self._moving(name), row["plan"]) for row in rows), None)

    def flows(
        self,
        organization: str | None,
        wanted: FlowFilter,
        *,
        sort: FlowSort = FlowSort.FLOW,
        limit: int = 100,
        offset: int = 0,
    ) -> FlowPage:
        """The flows of one or of all organisations that the filter lets through, in order."""
        where = conditions(organization, wanted, _HEALTH)
        found = _SHOWN.where(*where)
        counted = select(func.count()).select_from(_FLOWS).where(*where)
        with self._database.read() as connection:
            rows = connection.execute(found.order_by(*order(sort, _HEALTH)).limit(limit).offset(offset))
            items = tuple(map(_flow, rows.mappings().all()))
            return FlowPage(items, connection.execute(counted).scalar_one())

    def flow(self, organization: str, flow: str) -> FlowView | None:
        """One flow."""
        return next(map(_flow, self._rows(_FLOW, organization=organization, flow=flow)), None)

    def _moving(self, organization: str | None) -> frozenset[str]:
        """The organisations of which a flow is being changed now."""
        query = _MOVING if organization is None else _MOVING_OF
        return frozenset(row["organization"] for row in self._rows(query, organization=organization))


_FLOWS: Final = flow_views.outerjoin(
    running_flows,
    (running_flows.c.organization == flow_views.c.organization) & (running_flows.c.flow == flow_views.c.flow),
)
_HEALTH: Final = case(
    (running_flows.c.state.not_in(NOT_MOVING), Health.PROGRESSING.value),
    else_=flow_views.c.health,
)
"""The health that is shown: a flow that is being changed is progressing."""

# Built once: readers ask each second, and to put a statement together takes as long as to run it.
_SHOWN: Final = select(flow_views, _HEALTH.label("shown_health")).select_from(_FLOWS)
_FLOW: Final = _SHOWN.where(
    flow_views.c.organization == bindparam("organization"), flow_views.c.flow == bindparam("flow")
)
_ORGANIZATIONS: Final = select(organization_views).order_by(organization_views.c.organization)
_HEALTHS: Final = select(organization_views.c.organization, organization_views.c.health)
_WITH_PLAN: Final = (
    select(organization_views, plan_views.c.plan)
    .outerjoin(plan_views, plan_views.c.organization == organization_views.c.organization)
    .where(organization_views.c.organization == bindparam("organization"))
)
_MOVING: Final = select(running_flows.c.organization).where(running_flows.c.state.not_in(NOT_MOVING)).distinct()
_MOVING_OF: Final = _MOVING.where(running_flows.c.organization == bindparam("organization"))
_ORGANIZATION_FIELDS: Final = tuple(each.name for each in fields(OrganizationView) if each.name != "plan")
_FLOW_FIELDS: Final = tuple(each.name for each in fields(FlowView))
_MASKED: Final = frozenset(
    column.name
    for table in (organization_views, flow_views)
    for column in table.c
    if isinstance(column.type, MaskedText | MaskedJson)
)
_OTHERS: Final = tuple(name for name in (*_FLOW_FIELDS, "searched", "labelled") if name not in ("organization", "flow"))
_OWN_ROW: Final = flow_views.c.organization == bindparam("of"), flow_views.c.flow == bindparam("which")
_CHANGE_FLOW: Final = update(flow_views).where(*_OWN_ROW).values({name: bindparam(f"new_{name}") for name in _OTHERS})
_REMOVE_FLOW: Final = delete(flow_views).where(*_OWN_ROW)


def _organization(row: RowMapping, moving: Collection[str], plan: Mapping[str, Any] | None = None) -> OrganizationView:
    values = {name: row[name] for name in _ORGANIZATION_FIELDS}
    values |= {name: tuple(row[name]) for name in ("warnings", "drift", "held_back")}
    health = _shown_health(row, moving)
    # The refusals change with time, and the plan does not.
    shown = None if plan is None else {**plan, "held_back": list(row["held_back"])}
    return OrganizationView(**values | {"sync": SyncStatus(row["sync"]), "health": health, "plan": shown})


def _shown_health(row: RowMapping, moving: Collection[str]) -> Health:
    return Health.PROGRESSING if row["organization"] in moving else Health(row["health"])


def _flow(row: RowMapping) -> FlowView:
    values = {name: row[name] for name in _FLOW_FIELDS}
    return FlowView(**values | {"sync": SyncStatus(row["sync"]), "health": Health(row["shown_health"])})


def _values(view: OrganizationView | FlowView, names: Sequence[str]) -> dict[str, Any]:
    """Column values, masked already, so that they compare with what was kept."""
    found = {name: getattr(view, name) for name in names}
    found |= {"sync": view.sync.value, "health": view.health.value}
    return found | {name: SECRETS.texts(found[name]) for name in _MASKED if name in found}


def _write_organization(connection: Connection, view: OrganizationView) -> None:
    insert_or_update(connection, organization_views, _values(view, _ORGANIZATION_FIELDS))


def _write_plan(connection: Connection, view: OrganizationView) -> None:
    own = plan_views.c.organization == view.organization
    if view.plan is None:
        connection.execute(delete(plan_views).where(own))
        return
    content = hashlib.sha256(json.dumps(view.plan, sort_keys=True).encode()).hexdigest()
    if connection.execute(select(plan_views.c.content).where(own)).scalar_one_or_none() == content:
        return
    values = {"organization": view.organization, "content": content, "plan": view.plan}
    insert_or_update(connection, plan_views, values)


def _write_flows(connection: Connection, organization: str, flows: Iterable[FlowView]) -> None:
    own = flow_views.c.organization == organization
    kept = {row["flow"]: row for row in connection.execute(select(flow_views).where(own)).mappings().all()}
    new: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    for flow in flows:
        values = _values(flow, _FLOW_FIELDS)
        row = kept.pop(flow.flow, None)
        # The time alone is no difference: it says since when the flow is as it is shown.
        if row is not None and all(row[name] == values[name] for name in _FLOW_FIELDS if name != "at"):
            continue
        (new if row is None else changed).append(_flow_values(flow))
    if new:
        connection.execute(insert(flow_views), new)
    if changed:
        connection.execute(_CHANGE_FLOW, [_parameters(values) for values in changed])
    if kept:
        connection.execute(_REMOVE_FLOW, [{"of": organization, "which": flow} for flow in kept])


def _flow_values(flow: FlowView) -> dict[str, Any]:
    found = {"searched": searched(flow.flow, flow.name, flow.type), "labelled": labelled(flow.labels)}
    return _values(flow, _FLOW_FIELDS) | found


def _parameters(values: Mapping[str, Any]) -> dict[str, Any]:
    own = {"of": values["organization"], "which": values["flow"]}
    return own | {f"new_{name}": values[name] for name in _OTHERS}
