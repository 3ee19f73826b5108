"""Logs the trouble of one organisation when it begins and when it is over, not in each pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import structlog

from controller.delivery.result import Outcome
from controller.domain.errors.branches import PenstockError, Refused, Transient, Waiting
from controller.domain.errors.delivery import LeaseHeld
from controller.domain.errors.process import Interrupted
from controller.reconcile.report import PassReport

log = structlog.get_logger()

_LEVELS: Mapping[Outcome, str] = {
    Outcome.SUCCEEDED: "info",
    Outcome.INCOMPLETE: "warning",
    Outcome.UNDETERMINED: "warning",
    Outcome.PAUSED: "warning",
    Outcome.FAILED: "error",
    Outcome.ROLLED_BACK: "error",
    Outcome.ROLLBACK_FAILED: "error",
}
"""The level by outcome; a delivery that a shutdown stopped has an event of its own."""
_SYNC = "sync.ended"


@dataclass(frozen=True, slots=True)
class _LogEntry:
    """One event of a pass."""

    event: str
    about: tuple[str, ...]
    """Its identity among equal events, without words that change with each pass."""
    level: str
    fields: Mapping[str, object]


class Troubles:
    """Compares the log entries of each pass with those of the one before."""

    def __init__(self, organization: str) -> None:
        self._log = log.bind(organization=organization)
        self._logged: set[tuple[str, ...]] = set()

    def tell(self, report: PassReport) -> None:
        """Log new trouble, trouble that is over, and what a stop left; a pass without a plan ends no trouble."""
        self._tell_changed(report)
        self._tell_unfinished(report)

    def _tell_changed(self, report: PassReport) -> None:
        found = {(finding.event, *finding.about): finding for finding in _findings(report)}
        for key, finding in found.items():
            if key not in self._logged:
                getattr(self._log, finding.level)(finding.event, **finding.fields)
        if report.plan is None:
            self._logged |= found.keys()
            return
        for event, *about in sorted(self._logged - found.keys()):
            if event != _SYNC:
                self._log.info("trouble.over", trouble=event, about=about)
        self._logged = set(found)

    def _tell_unfinished(self, report: PassReport) -> None:
        """Log the changes that a shutdown left unfinished: the board is gone with the service."""
        result = report.result
        if result is None or result.outcome is not Outcome.STOPPED:
            return
        self._log.warning(
            "sync.stopped",
            sync=result.sync_id,
            changes={step.change.flow: step.state.value for step in result.steps},
            parked=[step.change.flow for step in result.steps if step.parked],
            hint="the next run resumes the parked changes and begins the skipped ones",
        )


def _findings(report: PassReport) -> Iterator[_LogEntry]:
    error, result = report.error, report.result
    if error is not None and not isinstance(error, Interrupted | LeaseHeld):
        fields = {"code": error.code, "error": error.message, "hint": error.hint}
        yield _LogEntry("pass.failed", (error.code,), _level(error), fields)
    for change in report.blocked:
        if change.blocked is not None:
            code, words = change.blocked.code, change.blocked.message
            fields = {"flow": change.flow, "change": change.kind.value, "code": code, "reason": words}
            yield _LogEntry("flow.blocked", (change.flow, code), "warning", fields)
    for drift in report.moved:
        fields = {"flow": drift.flow, "kind": drift.kind, "message": drift.message}
        yield _LogEntry("flow.drifted", (drift.flow, drift.message), "warning", fields)
    if result is not None and result.outcome in _LEVELS:
        summary: dict[str, object] = {"sync": result.sync_id, "outcome": result.outcome.value}
        summary["changes"] = {step.change.flow: step.state.value for step in result.steps}
        summary["errors"] = [step.error.message for step in result.steps if step.error is not None]
        yield _LogEntry(_SYNC, (str(result.sync_id), result.outcome.value), _LEVELS[result.outcome], summary)


def _level(error: PenstockError) -> str:
    """Errors that pass with time, or that wait for a person, are warnings."""
    return "warning" if isinstance(error, Waiting | Transient | Refused) else "error"
