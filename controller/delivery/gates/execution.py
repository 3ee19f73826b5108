"""A synthetic execution: the new version is launched once and has to end well."""

from __future__ import annotations

from controller.delivery.context import Context
from controller.delivery.gates.subject import Subject
from controller.delivery.gates.verdict import GateReport, Verdict
from controller.delivery.work import Work
from controller.delivery.writer import Call, write
from controller.domain.desired import ExecutionGate
from controller.domain.errors import AnswerLost, PenstockError, Refused, StoreFailed, Transient, Waiting
from controller.domain.platform import Capability, Launch

NAME = "execution"


async def run_once(context: Context, work: Work, gate: ExecutionGate, subject: Subject) -> GateReport:
    """Launch and wait for the end. A launch whose answer was lost is not repeated. Raises Parked and LeaseLost."""
    if not context.can(Capability.LAUNCH):
        return GateReport(NAME, Verdict.ERROR, f"the {context.platform.dialect} dialect cannot launch flows")

    async def unknown() -> None:
        """Nothing tells whether it ran, and a second execution could do harm."""
        raise AnswerLost("the answer to the launch was lost: it may or may not be running")

    call = Call(
        "launch",
        lambda: context.platform.launch(subject.flow_id, subject.version, gate.inputs),
        unknown,
        version=subject.version,
    )
    try:
        launched = await write(context, work, call)
    except (Refused, StoreFailed):
        raise
    except PenstockError as error:
        return GateReport(NAME, Verdict.ERROR, f"it could not be launched: {error.message}")
    return await _follow(context, gate, launched)


async def _follow(context: Context, gate: ExecutionGate, launched: Launch) -> GateReport:
    clock, settings = context.clock, context.settings
    deadline = clock.monotonic() + gate.timeout_s
    wait_s = 1.0
    state = launched
    while state.state not in ("completed", "failed"):
        left_s = deadline - clock.monotonic()
        if left_s <= 0:
            return GateReport(NAME, Verdict.FAIL, f"execution {launched.id} did not end within {gate.timeout_s:.0f} s")
        await context.signals.rest(min(wait_s, left_s))
        wait_s = min(wait_s * 1.5, settings.poll_cap_s)
        try:
            state = await context.platform.launch_state(launched.id)
        except (Transient, Waiting):
            continue
    if state.state == "completed":
        return GateReport(NAME, Verdict.PASS, f"execution {launched.id} ended well")
    return GateReport(NAME, Verdict.FAIL, f"execution {launched.id} failed: {state.message or 'no reason given'}")
