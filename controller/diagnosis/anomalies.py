"""Detects anomalies: failed steps, failed decisions, and variables that changed without an explanation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from controller.diagnosis.changes import ChangeCause, VariableChange, VariableChangeKind, type_name
from controller.diagnosis.model import StepStatus, TraceStep, Variable


class AnomalyKind(StrEnum):
    ERROR = "error"
    TIMEOUT = "timeout"
    VALIDATION_ERROR = "validation_error"
    SERVICE_UNAVAILABLE = "service_unavailable"
    UNKNOWN_STATUS = "unknown_status"
    """A status that is in no list. It may be a failure."""
    FAILED_DECISION = "failed_decision"
    """A decision that failed or took no branch; in the versioned dialect, one with any status but success."""
    VALUE_CHANGE = "value_change"
    """A variable changed its value, and no step can have written it."""
    TYPE_CHANGE = "type_change"
    """A variable changed its type, even if a step wrote it."""
    INJECTION = "injection"
    """A variable appeared, and no step or scope explains it."""
    SCOPE_EXIT = "scope_exit"
    """A variable vanished while the scope that owns it was open."""
    STALE_MODULE = "stale_module"
    """A module ran in an older version than the live one, because its caller was not republished."""


_STATUS_KINDS = {
    StepStatus.ERROR: AnomalyKind.ERROR,
    StepStatus.TIMEOUT: AnomalyKind.TIMEOUT,
    StepStatus.VALIDATION_ERROR: AnomalyKind.VALIDATION_ERROR,
    StepStatus.SERVICE_UNAVAILABLE: AnomalyKind.SERVICE_UNAVAILABLE,
    StepStatus.UNKNOWN: AnomalyKind.UNKNOWN_STATUS,
}
_DRIFT_KINDS = {
    VariableChangeKind.VALUE: AnomalyKind.VALUE_CHANGE,
    VariableChangeKind.NEW: AnomalyKind.INJECTION,
    VariableChangeKind.GONE: AnomalyKind.SCOPE_EXIT,
}
_UNDECIDED = frozenset({StepStatus.SKIPPED, StepStatus.RUNNING})


@dataclass(frozen=True, slots=True)
class Anomaly:
    kind: AnomalyKind
    step_index: int
    step_id: str
    message: str
    variable: str | None = None
    old: Variable | None = None
    new: Variable | None = None


def anomalies_of(step: TraceStep, changes: Iterable[VariableChange]) -> Iterator[Anomaly]:
    """The anomalies of one step, then those of its variable changes.

    A failed decision yields two anomalies: one for the failed step and one for the decision.
    """
    if kind := _STATUS_KINDS.get(step.status):
        yield Anomaly(kind, step.index, step.id, _status_message(step))
    if step.decision and _decision_failed(step):
        how = f"failed and went on by {step.branch}" if step.branch else "took no branch"
        if step.decision_failed and not step.status.failed:
            how = f"ended with {step.status_text or 'no status'}"
        yield Anomaly(AnomalyKind.FAILED_DECISION, step.index, step.id, f"{_label(step)} {how}")
    for change in changes:
        if drift := _drift_kind(change):
            message = _drift_message(drift, change, step)
            yield Anomaly(drift, step.index, step.id, message, change.name, change.old, change.new)


def _decision_failed(step: TraceStep) -> bool:
    if step.decision_failed is not None:
        return step.decision_failed
    return step.status.failed or (step.branch is None and step.status not in _UNDECIDED)


def _drift_kind(change: VariableChange) -> AnomalyKind | None:
    if change.kind is VariableChangeKind.TYPE:
        return AnomalyKind.TYPE_CHANGE
    return _DRIFT_KINDS[change.kind] if change.cause is ChangeCause.UNEXPLAINED else None


def _status_message(step: TraceStep) -> str:
    reason = "; ".join(step.errors)
    spelt = step.status_text or ("no status" if step.status is StepStatus.UNKNOWN else step.status.value)
    return f"{_label(step)} ended with {spelt}" + (f": {reason}" if reason else "")


def _drift_message(kind: AnomalyKind, change: VariableChange, step: TraceStep) -> str:
    at = f"at {_label(step)}"
    if kind is AnomalyKind.TYPE_CHANGE and change.old and change.new:
        types = f"{type_name(change.old.value)} to {type_name(change.new.value)}"
        return f"{change.name} changed its type from {types} {at}"
    if kind is AnomalyKind.INJECTION:
        return f"{change.name} appeared {at}, and no step or scope set it"
    if kind is AnomalyKind.SCOPE_EXIT:
        return f"{change.name} vanished {at} while its scope was open"
    return f"{change.name} changed {at}, and no step that could set it ran"


def _label(step: TraceStep) -> str:
    return f"{step.type} {step.name!r}" if step.name else f"{step.type} {step.id}"
