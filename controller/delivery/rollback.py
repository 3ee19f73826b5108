"""Taking a sync back: what it published, in reverse order, each verified on the live flow.

A rollback is done when the flow shows it, and reported as failed in every other case.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from controller.delivery.announce import announce_rollback
from controller.delivery.bindings import bindings_again
from controller.delivery.context import Context
from controller.delivery.meanwhile import is_ours, tell_left
from controller.delivery.quarantine import quarantine
from controller.delivery.reading import current
from controller.delivery.rebind import rebind
from controller.delivery.restore import restore
from controller.delivery.rollout import rollout_under_way
from controller.delivery.work import Why, Work
from controller.domain.errors import (
    LeaseLost,
    OutOfBandChange,
    PenstockError,
    PlanStale,
    RollbackFailed,
    StoreFailed,
    Transient,
    Waiting,
)
from controller.domain.identity import FlowKey
from controller.domain.platform import Priority, Ticket, TicketKind
from controller.domain.redaction import SECRETS
from controller.domain.status import Cause, StepState
from controller.planning.model import ChangeKind

BIND_ANEW = "commit a change to it, or to what it is bound to: either publishes it anew"
"""The way out where a caller is back, but could not be bound again to what was taken back after it."""
_BY_HAND = "bring it back in Architect; the next pass adopts it"


async def roll_back(context: Context, works: Iterable[Work], why: Why) -> None:
    """Bring back what was live before, for each of the changes that touched the organisation.

    When the process has to go, the one that is being taken back is brought to its end, and the others are parked.
    Raises LeaseLost and StoreFailed; every other failure ends as the change's state `rollback-failed`.
    """
    chosen = [
        work
        for work in works
        if not work.state.final
        and not isinstance(work.error, PlanStale | OutOfBandChange)
        and (work.touched or work.state is StepState.ROLLING_BACK)
        and _automatic(context, work)
    ]
    for work in sorted(chosen, key=lambda work: work.first_write, reverse=True):
        if work.state is not StepState.ROLLING_BACK and await _nothing_happened(context, work):
            continue
        if context.signals.stopping:
            context.park(work)
        else:
            await take_back(context, work, why)
    if not any(work.parked for work in chosen):
        await _rebind(context, context.works)


def _automatic(context: Context, work: Work) -> bool:
    if work.desired is None or work.desired.automatic_rollback or work.state is StepState.ROLLING_BACK:
        return True
    context.note(work, "it was left as it is: the manifest asks for rollback by hand")
    return False


async def _nothing_happened(context: Context, work: Work) -> bool:
    """A failed change that left the flow as it was: there is nothing to take back."""
    if work.state is not StepState.FAILED or work.change.kind is ChangeKind.DELETE:
        return False
    try:
        live = await current(context, work, priority=Priority.ROLLBACK)
        if work.staged or await rollout_under_way(context, work):
            return False
        ours = live is None or await is_ours(context, work, live)
    except (LeaseLost, StoreFailed):
        raise
    except PenstockError:
        return False
    version = None if live is None else live.published_version
    if version == work.record.previous_version:
        return True
    published_at = None if live is None else live.published_at
    failed_at = work.record.updated_at + context.platform.clock_ahead
    late = work.record.live_version is None and published_at is not None and published_at > failed_at
    if version is None or (ours and not late):
        return False
    tell_left(context, work, version)
    return True


async def take_back(context: Context, work: Work, why: Why) -> None:
    """Bring one flow back, as often as it takes; how it ended is the change's state.

    When the process has to go, the attempt that is under way is the last one, and what is left is parked.
    """
    work.parked = False
    if work.going_back_since is None:
        work.going_back_since = context.clock.monotonic()
    if work.state is not StepState.ROLLING_BACK:
        context.advance(work, StepState.ROLLING_BACK, ticket=_under_way(work), **why.facts)
    settings = context.settings
    give_up_at = context.clock.monotonic() + settings.rollback_patience_s
    failure: PenstockError | None = None
    attempts = 0
    while attempts < settings.rollback_attempts and context.clock.monotonic() < give_up_at:
        if failure is not None and context.signals.stopping:
            context.park(work)
            return
        if failure is not None:
            await context.clock.sleep(settings.rollback_retry_s)
        try:
            version = await restore(context, work)
        except (LeaseLost, StoreFailed):
            raise
        except PenstockError as error:
            failure = error
            attempts += not isinstance(error, Transient | Waiting)
            context.tell("rollback.attempt-failed", work, message=SECRETS.text(error.message))
            if isinstance(error, RollbackFailed):
                break
        else:
            _report_success(context, work, version, why.reason, await bindings_again(context, work, version))
            return
    _report_failure(context, work, failure)


def _under_way(work: Work) -> Ticket | None:
    """A rollout goes on by itself until somebody ends it, and so does a publish that was given up: the ticket stays."""
    ticket = work.record.ticket
    if work.state is StepState.PUBLISHING:
        return ticket
    return ticket if ticket is not None and ticket.kind in (TicketKind.PUBLISH, TicketKind.JOB) else None


def _report_success(
    context: Context, work: Work, version: str | None, reason: str, consumed: Mapping[FlowKey, str]
) -> None:
    """The rollback counts as done together with the quarantine and the announcement: a crash loses none of them."""

    def also() -> None:
        quarantine(context, work, work.record.reason or reason)
        announce_rollback(context, work, work.record.reason or reason)

    context.advance(work, StepState.ROLLED_BACK, also, live_version=version, consumed=consumed, ticket=None)


def _left_bound(work: Work) -> str:
    bound = ", ".join(f"{key} {version}" for key, version in work.record.consumed.items())
    return f"{work.record.live_version} is live again, but bound to {bound or 'what was live before'}"


def _report_failure(context: Context, work: Work, failure: PenstockError | None, bound: str | None = None) -> None:
    """Loud. What an outage kept from being tried stays open for the next pass; for the rest a person has to look.

    `bound` says what it is bound to, where it is live again and only could not be bound again.
    """
    outage = isinstance(failure, Transient | Waiting)
    by_hand = BIND_ANEW if bound else _BY_HAND
    previous = work.record.previous_version or "the state before"
    work.cause = work.cause or work.error
    work.error = error = RollbackFailed(
        f"{work.change.flow} ({work.key}): {bound or f'{previous} could not be brought back'}: "
        f"{failure.message if failure else 'no reason given'}",
        hint="it is tried again in the next pass" if outage else by_hand,
    )
    error.__cause__ = failure
    quarantine(context, work, error.message)
    if outage:
        context.park(work)
    else:
        failed = Why(error.message, work.record.cause or Cause.FAILURE, error.code)
        context.advance(work, StepState.ROLLBACK_FAILED, **failed.facts)
    context.tell("rollback.failed", work, message=SECRETS.text(error.message), retried=outage)
    announce_rollback(context, work, work.record.reason or by_hand, error, retried=outage)


async def _rebind(context: Context, works: Sequence[Work]) -> None:
    """Callers that were taken back before the modules that they keep a version of: bind them once more."""
    for work in sorted(works, key=lambda work: work.first_write):
        if work.state is not StepState.ROLLED_BACK:
            continue
        try:
            await rebind(context, work)
        except (LeaseLost, StoreFailed):
            raise
        except PenstockError as error:
            _report_failure(context, work, error, bound=_left_bound(work))
