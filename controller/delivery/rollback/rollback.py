"""Rolling a sync back: its changes in reverse order, each proven on the live flow.

A rollback is done when the flow shows it, and reported as failed in every other case.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

from controller.delivery.change_run import ChangeRun
from controller.delivery.out_of_band import is_ours, tell_left
from controller.delivery.outcome import announce_rollback, quarantine
from controller.delivery.publish_proof import rollout_in_flight
from controller.delivery.result import BIND_ANEW
from controller.delivery.rollback.rebinding import rebind, restored_bindings
from controller.delivery.rollback.way_back import restore
from controller.delivery.sync_run import SyncRun
from controller.domain.errors.branches import PenstockError, Transient, Waiting
from controller.domain.errors.change import OutOfBandChange, RollbackFailed
from controller.domain.errors.delivery import LeaseLost, PlanStale
from controller.domain.errors.process import StoreFailed
from controller.domain.identity import FlowKey
from controller.domain.platform import Ticket, TicketKind
from controller.domain.redaction import SECRETS
from controller.domain.status import StepCause, StepState
from controller.planning.model import ChangeKind

_ATTEMPTS = 3
_RETRY_S = 15.0
_OUTAGE_S = 900.0
"""How long an outage is waited for: attempts that did not get through are not counted."""
_BY_HAND = "bring it back in Architect; the next pass adopts it"


class _WhyFacts(TypedDict):
    reason: str
    cause: StepCause
    error_code: str | None


@dataclass(frozen=True, slots=True)
class Why:
    """Why a change is rolled back."""

    reason: str
    """For display."""
    cause: StepCause = StepCause.FAILURE
    error_code: str | None = None
    """Of the failure."""

    @property
    def facts(self) -> _WhyFacts:
        """What the journal notes with the change's new state."""
        reason = f"on request: {self.reason}" if self.cause.asked_for else self.reason
        return {"reason": reason, "cause": self.cause, "error_code": self.error_code}


async def roll_back(sync: SyncRun, runs: Iterable[ChangeRun], why: Why) -> None:
    """Restore the previous version of each change that touched the organisation.

    On a shutdown signal the rollback that is running is finished, and the others are parked. Raises LeaseLost and
    StoreFailed; every other failure ends as the change's state `rollback-failed`.
    """
    chosen = [
        run
        for run in runs
        if not run.state.final
        and not isinstance(run.error, PlanStale | OutOfBandChange)
        and (run.touched or run.state is StepState.ROLLING_BACK)
        and _automatic(run)
    ]
    # The last one that touched the organisation goes first: no caller may be live without what it depends on.
    for run in sorted(chosen, key=lambda run: run.first_write, reverse=True):
        if run.state is not StepState.ROLLING_BACK and await _nothing_happened(run):
            continue
        if sync.signals.stopping:
            run.park()
        else:
            await roll_one_back(run, why)
    if not any(run.parked for run in chosen):
        await _rebind(sync.runs)


def _automatic(run: ChangeRun) -> bool:
    if run.desired is None or run.desired.automatic_rollback or run.state is StepState.ROLLING_BACK:
        return True
    run.note("it was left as it is: the manifest asks for manual rollback")
    return False


async def _nothing_happened(run: ChangeRun) -> bool:
    """Whether a failed change left the flow as it was, so that there is nothing to roll back."""
    if run.state is not StepState.FAILED or run.change.kind is ChangeKind.DELETE:
        return False
    try:
        live = await run.live()
        if run.rollout_began_at or await rollout_in_flight(run):
            return False
        ours = live is None or await is_ours(run, live)
    except (LeaseLost, StoreFailed):
        raise
    except PenstockError:
        return False
    version = None if live is None else live.published_version
    if version == run.record.previous_version:
        return True
    published_at = None if live is None else live.published_at
    failed_at = run.record.updated_at + run.sync.platform.clock_ahead
    late = run.record.live_version is None and published_at is not None and published_at > failed_at
    if version is None or (ours and not late):
        return False
    tell_left(run, version)
    return True


async def roll_one_back(run: ChangeRun, why: Why) -> None:
    """Roll one flow back, in as many attempts as allowed; the change's state tells how it ended.

    On a shutdown signal the running attempt is the last one, and the change is parked.
    """
    run.parked = False
    if run.going_back_since is None:
        run.going_back_since = run.sync.clock.monotonic()
    if run.state is not StepState.ROLLING_BACK:
        run.advance(StepState.ROLLING_BACK, ticket=_under_way(run), **why.facts)
    give_up_at = run.sync.clock.monotonic() + _OUTAGE_S
    failure: PenstockError | None = None
    attempts = 0
    while attempts < _ATTEMPTS and run.sync.clock.monotonic() < give_up_at:
        if failure is not None and run.sync.signals.stopping:
            run.park()
            return
        if failure is not None:
            await run.sync.clock.sleep(_RETRY_S)
        try:
            version = await restore(run)
        except (LeaseLost, StoreFailed):
            raise
        except PenstockError as error:
            failure = error
            attempts += not isinstance(error, Transient | Waiting)
            run.tell("rollback.attempt-failed", message=SECRETS.text(error.message))
            if isinstance(error, RollbackFailed):
                break
        else:
            _report_success(run, version, why.reason, await restored_bindings(run, version))
            return
    _report_failure(run, failure)


def _under_way(run: ChangeRun) -> Ticket | None:
    """The ticket of a rollout, or of a publish that was given up: both continue by themselves until they are ended."""
    ticket = run.record.ticket
    if run.state is StepState.PUBLISHING:
        return ticket
    return ticket if ticket is not None and ticket.kind in (TicketKind.PUBLISH, TicketKind.JOB) else None


def _report_success(run: ChangeRun, version: str | None, reason: str, consumed: Mapping[FlowKey, str]) -> None:
    """Note the rollback, its quarantine and its announcement in one transaction: a crash loses none of them."""

    def also() -> None:
        quarantine(run, run.record.reason or reason)
        announce_rollback(run, run.record.reason or reason)

    run.advance(StepState.ROLLED_BACK, also, live_version=version, consumed=consumed, ticket=None)


def _left_bound(run: ChangeRun) -> str:
    bound = ", ".join(f"{key} {version}" for key, version in run.record.consumed.items())
    return f"{run.record.live_version} is live again, but bound to {bound or 'the versions before'}"


def _report_failure(run: ChangeRun, failure: PenstockError | None, bound: str | None = None) -> None:
    """Report a failed rollback. After an outage the next pass tries again; otherwise a person has to act.

    `bound` names the bindings of a caller that is live again, but could not be bound again.
    """
    outage = isinstance(failure, Transient | Waiting)
    by_hand = BIND_ANEW if bound else _BY_HAND
    previous = run.record.previous_version or "the state before"
    run.cause = run.cause or run.error
    run.error = error = RollbackFailed(
        f"{run.label}: {bound or f'{previous} could not be brought back'}: "
        f"{failure.message if failure else 'no reason given'}",
        hint="it is tried again in the next pass" if outage else by_hand,
    )
    error.__cause__ = failure
    quarantine(run, error.message)
    if outage:
        run.park()
    else:
        failed = Why(error.message, run.record.cause or StepCause.FAILURE, error.code)
        run.advance(StepState.ROLLBACK_FAILED, **failed.facts)
    run.tell("rollback.failed", message=SECRETS.text(error.message), retried=outage)
    announce_rollback(run, run.record.reason or by_hand, error, retried=outage)


async def _rebind(runs: Sequence[ChangeRun]) -> None:
    """Bind callers once more that were rolled back before the modules that they are bound to."""
    for run in sorted(runs, key=lambda run: run.first_write):
        if run.state is not StepState.ROLLED_BACK:
            continue
        try:
            await rebind(run)
        except (LeaseLost, StoreFailed):
            raise
        except PenstockError as error:
            _report_failure(run, error, bound=_left_bound(run))
