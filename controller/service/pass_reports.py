"""What a worker asks about the report of a pass."""

from __future__ import annotations

from controller.domain.errors.delivery import LeaseHeld
from controller.domain.errors.process import Interrupted
from controller.reconcile.report import PassReport


def saw_nothing(report: PassReport) -> bool:
    """Whether the pass ended before it looked: the previous report is still the best."""
    return isinstance(report.error, Interrupted | LeaseHeld) and report.plan is None


def leaves_the_unknown(report: PassReport) -> bool:
    """Whether only another look can tell what the delivery left. After a fault, the next pass comes soon anyway."""
    if report.result is None or report.left is not None or report.error is not None:
        return False
    return report.result.undetermined is None
