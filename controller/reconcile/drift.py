"""Records the begin and end of drift in the audit log."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from controller.delivery.result import StepResult
from controller.domain.identity import FlowKey
from controller.planning.model import Drift, Plan
from controller.reconcile.pass_ import Located, Observed
from controller.store.audit import AuditEntry
from controller.store.drifts import OpenDrift

UNKNOWN = "unknown"
"""The actor if the organisation does not report who published."""
_NOTED = frozenset({"version", "missing", "orphaned"})
"""Kinds with a live version that differs from the record. Other kinds are informative or undetermined."""


def note_drift(at: Located, observed: Observed, plan: Plan) -> None:
    """Record drift that began or ended since the last pass. Raises StoreFailed."""
    store, name = at.services.store, at.kept_as
    now = at.services.clock.now()
    noted = [drift for drift in plan.drift if drift.kind in _NOTED]
    found = [OpenDrift(str(each.key), each.kind, each.expected, each.actual, each.message, now) for each in noted]
    shown = {each.same: each for each in found}
    with store.together():
        known = {each.same: each for each in store.drifts.open(name)}
        gone = [each for same, each in known.items() if same not in shown]
        begun = [each for same, each in shown.items() if same not in known]
        if not gone and not begun:
            return
        keys = {str(key): key for key in observed.live.flows}
        over = _over(observed, noted)
        replaced = {(flow, kind) for flow, kind, _, _ in shown}
        ended = [each for each in gone if (each.flow, each.kind) in replaced or over(each.flow)]
        store.drifts.change(name, ended, begun)
        for each in ended:
            _append_end(at, each, _who(observed, keys.get(each.flow)), {})
        for each in begun:
            _append(at, each, "begun", _who(observed, keys.get(each.flow)), {})


def note_delivered(at: Located, steps: Iterable[StepResult]) -> None:
    """Record that a delivery ended the drift of its flows. Raises StoreFailed."""
    store, name = at.services.store, at.kept_as
    moved = {
        str(step.change.key): step for step in steps if step.state.delivered and not step.parked and not step.error
    }
    with store.together():
        ended = [each for each in store.drifts.open(name) if each.flow in moved]
        store.drifts.change(name, ended, ())
        for each in ended:
            _append_end(at, each, at.actor, {"by_change": moved[each.flow].change.kind.value})


def _over(observed: Observed, noted: Iterable[Drift]) -> Callable[[str], bool]:
    """Whether the observation proves the end of a flow's drift.

    A flow that is missing from the listing, or has contradictory answers, proves nothing.
    """
    unsure = {str(key) for key in (*observed.live.undetermined, *observed.live.ambiguous)}
    shown = {str(key) for key in observed.live.flows} | {str(each.key) for each in noted}
    recorded = {str(key) for key in observed.recorded.flows}
    return lambda flow: flow not in unsure and (flow in shown or flow not in recorded)


def _who(observed: Observed, key: FlowKey | None) -> str:
    """The person who published the live version or unpublished the flow, if the organisation reports one."""
    if key is None:
        return UNKNOWN
    found, change = observed.live.flows[key], observed.live.last_changes.get(key)
    by = change.by if change is not None and change.version == found.published_version else None
    return by or (found.published_by if found.published_version else None) or UNKNOWN


def _append_end(at: Located, drift: OpenDrift, actor: str, details: Mapping[str, object]) -> None:
    lasted_ms = (at.services.clock.now() - drift.since).total_seconds() * 1000
    _append(at, drift, "ended", actor, {"since": drift.since.isoformat(), "lasted_ms": lasted_ms, **details})


def _append(at: Located, drift: OpenDrift, status: str, actor: str, details: Mapping[str, object]) -> None:
    facts = {"kind": drift.kind, "expected": drift.expected, "actual": drift.actual, "message": drift.message}
    entry = AuditEntry(
        at.request.organization,
        "drift",
        status,
        actor,
        drift.flow,
        drift.actual,
        target_version=drift.expected,
        details={**facts, "trigger": at.request.trigger, **details},
        author=at.author,
        revision=at.workspace.revision,
    )
    at.services.store.audit.append(entry)
