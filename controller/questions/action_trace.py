"""An asynchronous trace of one action: started, waited for, analysed, and sent to an observability receiver.

That message does not go through the store's outbox: its receiver is named on a command line, and no other process
could deliver it later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from controller.diagnosis.action.analysis import ActionAnalysis, analyse_action
from controller.diagnosis.action.exports import webhook_payload
from controller.diagnosis.action.model import ActionTraceResult
from controller.diagnosis.query import check_action_trace_request
from controller.domain.desired import Organization
from controller.domain.errors.manifest import CapabilityMissing
from controller.domain.traces import ActionTraceRequest, StartedTrace
from controller.notify.outbox import ACTION_TRACE
from controller.notify.receiver import Receiver, checked_receiver
from controller.notify.webhook import send_now
from controller.reconcile.announcing import webhook_secret
from controller.reconcile.flow_choice import flow_id
from controller.reconcile.services import Services


@dataclass(frozen=True, slots=True)
class ActionQuestion:
    """The question; `flow` is a name as a person gives it."""

    flow: str
    invocation: str
    depth: int = 10
    capture_context: bool = True
    capture_data: bool = True
    inputs: Mapping[str, object] | None = None
    timeout_s: float = 300.0
    job: str | None = None
    """An earlier job to wait for, instead of starting one."""

    def request(self) -> ActionTraceRequest:
        """The request with the flow's name as given."""
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
    """Trace the action and analyse the result; captured values with a name in `patterns` are masked as well.

    Raises TraceRequestInvalid and CapabilityMissing before any call, SettingsInvalid for an unknown flow, and
    ServerFault when the job does not end in time. A failed job is a result with its message.
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
        message=job.reason_text,
        problem=job.unreadable,
    )
    return analyse_action(result, patterns=patterns)


ATTEMPTS = 4
_NAME = "webhook"


@dataclass(frozen=True, slots=True)
class _Message:
    payload: Mapping[str, object] = field(repr=False)
    id: int = 1
    target: str = _NAME
    kind: str = ACTION_TRACE
    attempts: int = 0


class TraceWebhook:
    """One receiver. The constructor checks everything, so that no action is traced for an unusable receiver.

    Raises HostNotAllowed for a host that is not on the operator's list, SettingsInvalid for an invalid URL and when the
    secret that signs messages is missing.
    """

    def __init__(self, services: Services, url: str) -> None:
        receiver = Receiver(_NAME, url, webhook_secret(services.settings))
        self._receiver = checked_receiver(receiver, services.settings.gate_hosts)
        self._clock = services.clock

    async def send(self, analysis: ActionAnalysis) -> str | None:
        """Send the analysis. Returns None on success, else the reason. An unreachable receiver gets four tries."""
        return await send_now(self._receiver, _Message(webhook_payload(analysis)), self._clock, attempts=ATTEMPTS)
