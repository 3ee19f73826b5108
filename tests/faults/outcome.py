"""How a pass under a fault ended, in one word."""

from __future__ import annotations

from controller.reconcile import PassReport

DELIVERED = "delivered"


def how(report: PassReport) -> str:
    """`delivered`, or the code of what kept it from that."""
    if report.delivered:
        return DELIVERED
    if report.error is not None:
        return report.error.code
    assert report.result is not None
    [error] = {step.error.code for step in report.result.steps if step.error}
    return error
