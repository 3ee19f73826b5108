"""The changes of a running delivery as readers see them, from its events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from controller.delivery.sync_run import DeliveryEvent
from controller.domain.status import StepState
from controller.planning.model import Plan
from controller.store.records import StepRecord
from controller.store.running import ENDED, PlannedChange, RunningFlow

UPLOADING: Final = "uploading"
WAITING: Final = "waiting"
_WAITS: Final[Mapping[str, Callable[[Mapping[str, object]], str]]] = {
    "lock.waiting": lambda fields: f"locked by {fields.get('holder') or 'another operation'}",
    "rollback.attempt-failed": lambda fields: f"not back yet, tried again: {fields.get('message')}",
    "verify.unread": lambda fields: f"not known yet, read again later: {fields.get('message')}",
}
"""Events of a change that waits, with the reason."""
_CHANGE: Final = "change."


class LiveFlows:
    """The changes of one pass that have begun."""

    def __init__(self, organization: str) -> None:
        self._organization = organization
        self._kinds: dict[str, str] = {}
        self._flows: dict[str, RunningFlow] = {}
        self.total = 0
        """How many changes the delivery has."""
        self.untold: Sequence[PlannedChange] | None = None
        """The changes of a delivery that begins, until they are written."""

    def planned(self, plan: Plan) -> None:
        """Note the changes of the plan that a delivery may carry out next."""
        self._kinds |= {change.flow: change.kind.value for change in plan.actions}

    def delivering(self, plan: Plan) -> None:
        """Note the changes that are delivered, in their order."""
        self.untold = [
            PlannedChange(change.flow, change.kind.value, change.wave, change.depends_on)
            for change in plan.actions
            if change.blocked is None
        ]

    def resumed(self, steps: Iterable[StepRecord]) -> None:
        """Note the changes of a delivery that an earlier process left unfinished."""
        self._kinds |= {step.flow: step.kind for step in steps}

    @property
    def done(self) -> int:
        """How many changes have ended."""
        return sum(flow.state in ENDED for flow in self._flows.values())

    def progressed(self, event: DeliveryEvent, now: datetime) -> RunningFlow | None:
        """The flow after the event; None where nothing about it changed."""
        if event.flow is None:
            return None
        known = self._flows.get(event.flow) or self._begun(event, now)
        moved = _moved(known, event, now)
        if event.flow in self._flows and moved == known:
            return None
        self._flows[event.flow] = replace(moved, at=now)
        return self._flows[event.flow]

    def _begun(self, event: DeliveryEvent, now: datetime) -> RunningFlow:
        return RunningFlow(
            organization=self._organization,
            flow=event.flow or "",
            kind=self._kinds.get(event.flow or "", ""),
            state=StepState.PENDING.value,
            since=now,
            at=now,
            sync_id=event.sync_id,
        )


def _moved(flow: RunningFlow, event: DeliveryEvent, now: datetime) -> RunningFlow:
    fields = event.fields
    if event.name.startswith(_CHANGE):
        return _in_state(flow, event.name.removeprefix(_CHANGE), fields, now)
    if event.name in _WAITS:
        return replace(_enter(flow, WAITING, now), message=_WAITS[event.name](fields))
    match event.name:
        case "write.intended" if str(fields.get("action")).endswith("upload"):
            return _enter(flow, UPLOADING, now)
        case "publish.progress":
            eta_s = _number(fields.get("eta_s"))
            until = flow.until if eta_s is None else now + timedelta(seconds=eta_s)
            found = _enter(flow, StepState.PUBLISHING.value, now) if flow.state in (UPLOADING, WAITING) else flow
            stage = str(fields["stage"]) if fields.get("stage") else found.stage
            return replace(found, percent=_number(fields.get("percent")), stage=stage, until=until)
        case "rollout.stage":
            return replace(flow, stage=str(fields.get("stage")), percent=_number(fields.get("percent")))
        case "bake.begun":
            until = now + timedelta(seconds=_number(fields.get("left_s")) or 0.0)
            since = until - timedelta(seconds=_number(fields.get("of_s")) or 0.0)
            found = _enter(flow, StepState.BAKING.value, now)
            return replace(found, since=since, until=until, message="")
        case "watch.looked" | "gate.judged":
            return replace(flow, gate={name: fields.get(name) for name in ("gate", "verdict", "message", "figures")})
    return flow


def _in_state(flow: RunningFlow, state: str, fields: Mapping[str, object], now: datetime) -> RunningFlow:
    message = str(fields.get("message") or fields.get("reason") or "")
    if state == "drifted":
        return replace(flow, message=message)
    version = fields.get("version")
    found = replace(_enter(flow, state, now), message=message)
    return found if version is None else replace(found, version=str(version))


def _enter(flow: RunningFlow, state: str, now: datetime) -> RunningFlow:
    """The flow in another state, without what was said about the one before."""
    if flow.state == state:
        return flow
    return replace(flow, state=state, since=now, until=None, percent=None, stage=None, message="")


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
