"""A synthetic execution: the new version is launched once and has to end well."""

from __future__ import annotations

from controller.delivery.context import Context
from controller.delivery.gates.subject import Subject
from controller.delivery.gates.verdict import GateReport, Verdict
from controller.delivery.work import Work
from controller.delivery.writer import Call, write
from controller.domain.desired import ExecutionGate
from controller.domain.errors import AnswerLost, PenstockError, Refused, StoreFailed
from controller.domain.platform import Launch
from controller.domain.ports import Launches
from controller.flows.canonical import digest
from controller.store import WriteOutcome, WriteRecord

NAME = "execution"
ACTION = "launch"
_UNKNOWN = "the answer to the launch was lost: it may or may not have run, and a second execution could do harm"


async def run_once(context: Context, work: Work, gate: ExecutionGate, subject: Subject) -> GateReport:
    """Launch and wait for the end. A launch whose answer was lost is not repeated, by a later process neither.

    Raises Parked and LeaseLost.
    """
    launches = context.platform.launches
    if launches is None:
        return GateReport(NAME, Verdict.ERROR, f"the {context.platform.dialect} dialect cannot launch flows")
    details = {"version": subject.version, "inputs": digest(dict(gate.inputs))}
    earlier = _earlier(work, details)
    if earlier is not None:
        known = None if earlier.result is None else earlier.result.get(ACTION)
        if known is None:
            return GateReport(NAME, Verdict.INCONCLUSIVE, _UNKNOWN)
        return await _follow(context, launches, gate, Launch(str(known), "running"))

    async def unknown() -> None:
        raise AnswerLost(_UNKNOWN)

    call = Call(
        ACTION,
        lambda: launches.start(subject.flow_id, subject.version, gate.inputs),
        unknown,
        details=details,
        version=subject.version,
    )
    try:
        launched = await write(context, work, call)
    except (Refused, StoreFailed):
        raise
    except AnswerLost as error:
        return GateReport(NAME, Verdict.INCONCLUSIVE, error.message)
    except PenstockError as error:
        return GateReport(NAME, Verdict.ERROR, f"it could not be launched: {error.message}")
    return await _follow(context, launches, gate, launched)


def _earlier(work: Work, details: dict[str, str]) -> WriteRecord | None:
    """The same launch by an earlier look or process, unless it certainly came to nothing."""
    made = (
        each
        for each in reversed(work.record.writes)
        if each.action == ACTION and each.details == details and each.outcome is not WriteOutcome.FAILED
    )
    return next(made, None)


async def _follow(context: Context, launches: Launches, gate: ExecutionGate, launched: Launch) -> GateReport:
    clock, settings = context.clock, context.settings
    deadline = clock.monotonic() + gate.timeout_s
    wait_s = 1.0
    state = launched
    unread: PenstockError | None = None
    while state.state not in ("completed", "failed"):
        left_s = deadline - clock.monotonic()
        if left_s <= 0 and unread is not None:
            return GateReport(NAME, Verdict.ERROR, f"the end of execution {launched.id} is unknown: {unread.message}")
        if left_s <= 0:
            return GateReport(NAME, Verdict.FAIL, f"execution {launched.id} did not end within {gate.timeout_s:.0f} s")
        await context.signals.rest(min(wait_s, left_s))
        wait_s = min(wait_s * 1.5, settings.poll_cap_s)
        try:
            state, unread = await launches.state(launched.id), None
        except PenstockError as error:
            unread = error
    if state.state == "completed":
        return GateReport(NAME, Verdict.PASS, f"execution {launched.id} ended well")
    return GateReport(NAME, Verdict.FAIL, f"execution {launched.id} failed: {state.message or 'no reason given'}")
