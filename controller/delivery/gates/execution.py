"""A synthetic execution: the new version is launched once and has to end well."""

from __future__ import annotations

from controller.delivery.change_run import ChangeRun
from controller.delivery.follow import POLL_LONGEST_S
from controller.delivery.gates.model import GateReport, GateSubject, GateVerdict
from controller.delivery.sync_run import SyncRun
from controller.delivery.writer import Write, write
from controller.domain.desired import ExecutionGate
from controller.domain.errors.branches import PenstockError, Refused
from controller.domain.errors.organization import AnswerLost
from controller.domain.errors.process import StoreFailed
from controller.domain.execution_ports import Launches
from controller.domain.platform import Launch
from controller.flows.canonical import digest
from controller.store.records import WriteOutcome, WriteRecord

NAME = "execution"
ACTION = "launch"
_UNKNOWN = "the answer to the launch was lost: it may or may not have run, and a second execution could do harm"


async def run_once(run: ChangeRun, gate: ExecutionGate, subject: GateSubject) -> GateReport:
    """Launch and wait for the end. A launch with a lost answer is not repeated, by a later process neither.

    Raises Parked and LeaseLost.
    """
    launches = run.sync.platform.launches
    if launches is None:
        return GateReport(NAME, GateVerdict.ERROR, f"the {run.sync.platform.dialect} dialect cannot launch flows")
    details = {"version": subject.version, "inputs": digest(dict(gate.inputs))}
    earlier = _earlier(run, details)
    if earlier is not None:
        known = None if earlier.result is None else earlier.result.get(ACTION)
        if known is None:
            return GateReport(NAME, GateVerdict.INCONCLUSIVE, _UNKNOWN)
        return await _follow(run.sync, launches, gate, Launch(str(known), "running"))

    async def unknown() -> None:
        raise AnswerLost(_UNKNOWN)

    call = Write(
        ACTION,
        lambda: launches.start(subject.flow_id, subject.version, gate.inputs),
        unknown,
        details=details,
        version=subject.version,
    )
    try:
        launched = await write(run, call)
    except (Refused, StoreFailed):
        raise
    except AnswerLost as error:
        return GateReport(NAME, GateVerdict.INCONCLUSIVE, error.message)
    except PenstockError as error:
        return GateReport(NAME, GateVerdict.ERROR, f"it could not be launched: {error.message}")
    return await _follow(run.sync, launches, gate, launched)


def _earlier(run: ChangeRun, details: dict[str, str]) -> WriteRecord | None:
    """The same launch by an earlier look or process, unless it certainly had no effect."""
    made = (
        each
        for each in reversed(run.record.writes)
        if each.action == ACTION and each.details == details and each.outcome is not WriteOutcome.FAILED
    )
    return next(made, None)


async def _follow(sync: SyncRun, launches: Launches, gate: ExecutionGate, launched: Launch) -> GateReport:
    clock = sync.clock
    deadline = clock.monotonic() + gate.timeout_s
    wait_s = 1.0
    state = launched
    unread: PenstockError | None = None
    while state.state not in ("completed", "failed"):
        left_s = deadline - clock.monotonic()
        if left_s <= 0 and unread is not None:
            return GateReport(
                NAME, GateVerdict.ERROR, f"the end of execution {launched.id} is unknown: {unread.message}"
            )
        if left_s <= 0:
            return GateReport(
                NAME, GateVerdict.FAIL, f"execution {launched.id} did not end within {gate.timeout_s:.0f} s"
            )
        await sync.signals.rest(min(wait_s, left_s))
        wait_s = min(wait_s * 1.5, POLL_LONGEST_S)
        try:
            state, unread = await launches.state(launched.id), None
        except PenstockError as error:
            unread = error
    if state.state == "completed":
        return GateReport(NAME, GateVerdict.PASS, f"execution {launched.id} ended well")
    return GateReport(NAME, GateVerdict.FAIL, f"execution {launched.id} failed: {state.message or 'no reason given'}")
