"""What the store knows about the past of an organisation's flows: changes, drift, and what went live when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import String, bindparam, case, func, select

from controller.domain.identity import FlowKey
from controller.domain.status import StepCause, StepState
from controller.store.approvals import promoted
from controller.store.database import StorePart
from controller.store.schema import approvals, audit, drifts, steps, syncs, writes

MOST: Final = 50_000
"""The changes, and the audit entries, that are read at most, newest first."""
WENT_LIVE: Final = "migrate"
WENT_BACK: Final = "rollback"
DRIFT: Final = "drift"


@dataclass(frozen=True, slots=True)
class PastStep:
    """One change of an earlier or a running sync."""

    id: int
    sync_id: int
    flow: str
    """`metadata.name` of its manifest."""
    key: FlowKey
    kind: str
    flow_id: str | None
    previous_version: str | None
    target_version: str | None
    live_version: str | None
    state: StepState
    cause: StepCause | None
    reason: str | None
    updated_at: datetime
    recorded_at: datetime | None
    started_at: datetime
    """When its sync began."""
    revision: str
    actor: str
    author: str | None
    trigger: str
    approved_by: str | None
    """Who approved the plan, or accepted the version while it was paused."""
    published_from: datetime | None
    """When the first call that could make the new version live was announced."""
    rolled_back_from: datetime | None
    """When the first call of a rollback was announced."""


@dataclass(frozen=True, slots=True)
class PastMoment:
    """One moment of a flow: a version went live or came back, or drift was seen."""

    action: str
    """`migrate`, `rollback` or `drift`."""
    flow: str
    """`type/name`."""
    version: str | None
    """The version that is live from then on; None if none is."""
    at: datetime
    actor: str
    details: Mapping[str, object]


class Past(StorePart):
    """Reads only. Every method may raise StoreFailed."""

    def steps(self, organization: str) -> list[PastStep]:
        """The changes that did anything, oldest first."""
        given = self._approvals(organization)
        found = []
        for row in self._rows(_STEPS, organization=organization):
            values = {name: row[name] for name in _STEP_COLUMNS}
            accepted = given.get(promoted(row["id"]))
            found.append(
                PastStep(
                    **values,
                    key=FlowKey(row["type"], row["name"]),
                    state=StepState(row["state"]),
                    cause=None if row["cause"] is None else StepCause(row["cause"]),
                    approved_by=accepted or given.get(row["plan_digest"]),
                )
            )
        return found[::-1]

    def moments(self, organization: str) -> list[PastMoment]:
        """When versions went live and came back, and the begins of drift, oldest first."""
        rows = self._rows(_MOMENTS, organization=organization)
        found = [PastMoment(**{name: row[name] for name in PastMoment.__slots__}) for row in rows][::-1]
        noted = {(each.flow, each.version) for each in found if each.action == DRIFT}
        for row in self._rows(_DRIFTS, organization=organization):
            if (row["flow"], row["actual"]) not in noted:
                found.append(PastMoment(DRIFT, row["flow"], row["actual"], row["since"], "", {"kind": row["kind"]}))
        return sorted(found, key=lambda moment: moment.at)

    def _approvals(self, organization: str) -> dict[str, str]:
        query = select(approvals.c.digest, approvals.c.by).where(approvals.c.organization == organization)
        return {row["digest"]: row["by"] for row in self._rows(query)}


_STEP_COLUMNS: Final = (
    *("id", "sync_id", "flow", "kind", "flow_id", "previous_version", "target_version", "live_version", "reason"),
    *("updated_at", "recorded_at", "started_at", "revision", "actor", "author", "trigger"),
    *("published_from", "rolled_back_from"),
)
_IDLE: Final = [state.value for state in StepState if state.idle]
_ORGANIZATION: Final = bindparam("organization", type_=String)
_FORWARD: Final = ("publish", "switch", "upload", "unpublish", "delete")
_INTENTS: Final = (
    select(
        writes.c.step_id,
        func.min(case((writes.c.action.in_(_FORWARD), writes.c.intent_at))).label("published_from"),
        func.min(case((writes.c.action.startswith("rollback."), writes.c.intent_at))).label("rolled_back_from"),
    )
    .group_by(writes.c.step_id)
    .subquery()
)
_STEPS: Final = (
    select(
        steps,
        *(syncs.c[name] for name in ("started_at", "revision", "actor", "author", "trigger", "plan_digest")),
        _INTENTS.c.published_from,
        _INTENTS.c.rolled_back_from,
    )
    .select_from(steps.join(syncs).outerjoin(_INTENTS, _INTENTS.c.step_id == steps.c.id))
    .where(syncs.c.organization == _ORGANIZATION, steps.c.state.not_in(_IDLE))
    .order_by(steps.c.id.desc())
    .limit(MOST)
)
_MOMENTS: Final = (
    select(audit)
    .where(
        audit.c.organization == _ORGANIZATION,
        audit.c.flow.is_not(None),
        case(
            (audit.c.action.in_((WENT_LIVE, WENT_BACK)), audit.c.status == "success"),
            (audit.c.action == DRIFT, audit.c.status.in_(("begun", "found"))),
            else_=False,
        ),
    )
    .order_by(audit.c.id.desc())
    .limit(MOST)
)
_DRIFTS: Final = select(drifts).where(drifts.c.organization == _ORGANIZATION)
