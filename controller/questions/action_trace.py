"""An asynchronous trace of one action: started, waited for, analysed, and told to who asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from controller.diagnosis import check_action_trace_request
from controller.diagnosis.action import ActionAnalysis, ActionTraceResult, analyse_action
from controller.domain.desired import Organization
from controller.domain.errors import CapabilityMissing
from controller.domain.traces import ActionTraceRequest, StartedTrace
from controller.reconcile.flow_choice import flow_id
from controller.reconcile.services import Services


@dataclass(frozen=True, slots=True)
class ActionQuestion:
    """What is asked; `flow` as a person names it."""

    flow: str
    invocation: str
    depth: int = 10
    capture_context: bool = True
    capture_data: bool = True
    inputs: Mapping[str, object] | None = None
    timeout_s: float = 300.0
    job: str | None = None
    """A job that was started before, for which is only waited."""

    def request(self) -> ActionTraceRequest:
        """The request, with the flow as it was named."""
        return ActionTraceRequest(
            flow_id=self.flow,
            action_invocation_id=self.invocation,
            trace_depth=self.depth,
            capture_context=self.capture_context,
            capture_data=self.capture_data,
            simulated_inputs=self.inputs,
        )


async def trace_action(
    services: Services, organization: Organization, question: ActionQuestion, *, patterns: Sequence[str] = ()
) -> ActionAnalysis:
    """Trace the action and analyse what ran; `patterns` are names whose captured values are masked, too.

    Raises TraceRequestInvalid and CapabilityMissing before any call, SettingsInvalid for an unknown flow, and
    ServerFault when the job does not end in time. A job that failed is a result with its message.
    """
    check_action_trace_request(question.request())
    platform = services.platform(organization)
    traces = platform.action_traces
    if traces is None:
        raise CapabilityMissing(
            f"{organization.name}: the {platform.dialect} dialect cannot trace single actions",
            hint="see what ran with `penstock trace executions`",
        )
    request = replace(question.request(), flow_id=await flow_id(platform, organization.flows, question.flow))
    started = services.clock.monotonic()
    begun = StartedTrace(question.job) if question.job else await traces.start(request)
    job = begun.job or await traces.finished(
        begun.job_id, timeout_s=question.timeout_s, just_started=question.job is None
    )
    result = ActionTraceResult(
        flow_id=request.flow_id,
        action_invocation_id=request.action_invocation_id,
        job_id=begun.job_id,
        status=job.status.lower(),
        steps=job.steps,
        retrieval_latency_ms=(services.clock.monotonic() - started) * 1000,
        finished_at=services.clock.now(),
        expected_steps=job.announced if job.announced is not None else request.trace_depth,
        message=job.told,
        problem=job.unreadable,
    )
    return analyse_action(result, patterns=patterns)
