"""Turning faults that were set into what the state machine does wrong."""

from __future__ import annotations

from controller.domain.identity import FlowKey
from controller.simulator.call import ServedCall
from controller.simulator.faults import FaultKind
from controller.simulator.flow import SimulatedFlow
from controller.simulator.job import SimulatedJob, SimulatedMessage
from controller.simulator.operation import Problem
from controller.simulator.publishing import Mishap

_PUBLISH = frozenset({FaultKind.PUBLISH_SILENT_NOOP, FaultKind.PUBLISH_FAILS, FaultKind.WRONG_VERSION})
DISGUISED_429 = (
    "setting the Archy exit code to 107",
    "could not find the flow with id",
)
"""How a 429 inside an export job looks from outside."""


def publish_mishap(call: ServedCall, flow: SimulatedFlow) -> Mishap | None:
    """What goes wrong with this publish, if anything."""
    fault = call.fault(_PUBLISH, flow)
    if fault is None:
        return None
    if fault.kind is FaultKind.PUBLISH_SILENT_NOOP:
        return Mishap(silent=True)
    if fault.kind is FaultKind.WRONG_VERSION:
        return Mishap(version=fault.version or (flow.published.id if flow.published else None))
    message = "The publish failed." if fault.message is None else fault.message
    return Mishap(problem=Problem("flow.publish.failed", message))


def upload_mishap(call: ServedCall, job: SimulatedJob, key: FlowKey | None) -> None:
    """Let an upload fail, or check in its version without publishing it, if a fault says so."""
    fault = call.fault({FaultKind.JOB_FAILS, FaultKind.PUBLISH_SILENT_NOOP}, key)
    if fault is None:
        return
    if fault.kind is FaultKind.PUBLISH_SILENT_NOOP:
        job.leave_unpublished = True
    else:
        job.force_failure = "the flow has validation errors" if fault.message is None else fault.message


def job_mishap(call: ServedCall, job: SimulatedJob, flows: list[SimulatedFlow]) -> None:
    """Let an export or validate job fail, with or without messages, if a fault says so."""
    fault = call.fault({FaultKind.JOB_FAILS, FaultKind.DISGUISED_429}, *flows)
    if fault is None or job.ends_at is None:
        return
    job.failed = True
    if fault.kind is FaultKind.DISGUISED_429:
        first, second = DISGUISED_429
        job.messages = [
            SimulatedMessage(job.ends_at, f"{second} '{flows[0].id}'"),
            SimulatedMessage(job.ends_at, first),
        ]
    elif fault.message != "":
        job.messages = [SimulatedMessage(job.ends_at, fault.message or "The job failed.")]
