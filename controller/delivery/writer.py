"""The only way to a call that changes the organisation: intent, call, result.

The intent proves the lease, and the lease has the last word when the call leaves, however long it waited. A call is
repeated only where it is certain that it had no effect: because it never left, or because somebody looked.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from controller.delivery.context import AuditFacts, Context
from controller.delivery.unread import left_unread
from controller.delivery.work import EFFECTIVE, NO_EFFECT, Work
from controller.domain.errors import (
    UNCERTAIN,
    AnswerLost,
    BadAnswer,
    CircuitOpen,
    PenstockError,
    RateLimited,
    RequestRejected,
    ServerFault,
    Unreachable,
)
from controller.domain.platform import Launch, Priority, Ticket, UploadSlot
from controller.domain.redaction import SECRETS
from controller.domain.send_guard import sends_guarded_by
from controller.domain.status import StepState
from controller.store import WriteOutcome, WriteRecord

T = TypeVar("T")
_UNTOLD = (AnswerLost, BadAnswer, ServerFault)
"""An answer that cannot be read, or tells of a fault of the server's, says as little of the call as none at all."""


@dataclass(frozen=True, slots=True)
class Took(Generic[T]):
    """The write had taken effect, though its answer was lost; `value` stands in for the answer."""

    value: T


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One write to the organisation."""

    action: str
    send: Callable[[], Awaitable[T]]
    look: Callable[[], Awaitable[Took[T] | None]] | None = None
    """Called when the answer was lost: reads until it knows; None when the write certainly had no effect.

    A call that has no effect by itself has no look: it may simply be repeated.
    """
    details: Mapping[str, object] = field(default_factory=dict)
    """For the journal and the audit log; never a secret."""
    sent: Mapping[str, object] = field(default_factory=dict)
    """For the audit log besides: what the organisation is sent."""
    version: str | None = None
    state: StepState | None = None
    """Where the intent moves the change."""
    ready: Callable[[], Awaitable[Took[T] | None]] | None = None
    """Reads what is live right before each attempt. Raises what forbids the write; a value where it is not needed."""


def urgency(prefix: str) -> Priority:
    """How soon a write goes out, and what is read for it: what has a prefix belongs to a rollback, and goes first."""
    return Priority.ROLLBACK if prefix else Priority.PUBLISH


async def write(context: Context, work: Work, call: Call[T]) -> T:
    """Make the call, once in effect.

    Raises LeaseLost or StoreFailed before anything is sent, whatever the organisation's refusal is, whatever the look
    before it raises, and Parked where what became of a lost answer cannot be read.
    """
    settings = context.settings
    for attempt in range(settings.write_attempts):
        last = attempt + 1 == settings.write_attempts
        there = await _ready(context, work, call)
        if there is not None:
            _not_needed(context, work, call, there.value)
            return there.value
        try:
            return await _once(context, work, call)
        except _UNTOLD as error:
            took = await _looked(context, work, call)
            if took is not None:
                _found_out(context, work, call, took.value)
                return took.value
            came_to_nothing(context, work)
            if last:
                raise _last_of(call, error, settings.write_attempts) from error
        except (Unreachable, CircuitOpen):
            if last:
                raise
            await context.clock.sleep(settings.write_backoff_s * 2**attempt)
        except RateLimited as error:
            if last:
                raise
            await context.clock.sleep(error.retry_after_s)
    raise AssertionError("the last attempt returns or raises")


async def _ready(context: Context, work: Work, call: Call[T]) -> Took[T] | None:
    """What the look before an attempt tells. Raises Parked where an earlier one may be live and cannot be read."""
    if call.ready is None:
        return None
    if not work.touched or work.state is not StepState.PUBLISHING or call.action not in EFFECTIVE:
        return await call.ready()
    with left_unread(context, work):
        return await call.ready()


def came_to_nothing(context: Context, work: Work) -> None:
    """Keep in the journal that the last write had no effect, as reading showed: there is nothing to take back then."""
    made = next(write for write in reversed(work.record.writes) if write.outcome is not None)
    context.store.journal.conclude(made, made.outcome or WriteOutcome.FAILED, {**(made.result or {}), **NO_EFFECT})
    context.refresh(work)


def _last_of(call: Call[T], error: PenstockError, times: int) -> PenstockError:
    """What to raise after the last attempt of a call that reading showed to have had no effect."""
    if call.look is None:
        return error
    told = error.message.removesuffix(UNCERTAIN)
    return AnswerLost(
        f"{told}; it was sent {times} times, and reading showed each time that it had not taken effect",
        hint="run it again; nothing was changed",
    )


async def _looked(context: Context, work: Work, call: Call[T]) -> Took[T] | None:
    """What looking tells. Raises Parked where nobody can read whether a version went out: it may well be live."""
    if call.look is None:
        return None
    if work.state is not StepState.PUBLISHING or call.action not in EFFECTIVE:
        return await call.look()
    with left_unread(context, work):
        return await call.look()


async def _once(context: Context, work: Work, call: Call[T]) -> T:
    journal = context.store.journal
    before = work.state
    # What it is to be judged by may be gone from git when somebody goes on with it.
    details = {**call.details, "gates": len(work.gates)} if call.action in EFFECTIVE else call.details
    intent = journal.intend(context.lease, work.record.id, call.action, details, state=call.state)
    context.refresh(work)
    if work.state is not before:
        context.moved(work)
    context.tell("write.intended", work, action=call.action, **details)
    started = context.clock.monotonic()
    try:
        with sends_guarded_by(lambda: context.store.leases.require(context.lease)):
            value = await call.send()
    except PenstockError as error:
        lost = isinstance(error, _UNTOLD)
        outcome = WriteOutcome.LOST if lost else WriteOutcome.FAILED
        message = SECRETS.text(error.message)
        status = {"status": error.status} if isinstance(error, RequestRejected) else {}
        journal.conclude(intent, outcome, {"error": error.code, "message": message, **status})
        context.refresh(work)
        _audit(context, work, call, started, outcome, {"error": message})
        raise
    context.tell("write.answered", work, action=call.action)
    _conclude(context, work, intent, value)
    ticket = _ticket(value)
    identified = {} if ticket is None or not ticket.id else {"publish_id": ticket.id}
    _audit(context, work, call, started, WriteOutcome.DONE, {"details": identified})
    context.tell("write.concluded", work, action=call.action)
    return value


def _conclude(context: Context, work: Work, intent: WriteRecord, value: object) -> None:
    ticket = _ticket(value)
    result = {} if ticket is None else {"ticket": ticket.id, "kind": ticket.kind.value}
    if isinstance(value, Launch):
        result = {"launch": value.id}
    context.store.journal.conclude(intent, WriteOutcome.DONE, result, ticket=ticket)
    context.refresh(work)


def _found_out(context: Context, work: Work, call: Call[T], value: T) -> None:
    """Correct the journal: the last write of this kind did take effect."""
    _conclude(context, work, work.record.writes[-1], value)
    _tell_found(context, work, call, f"the answer to {call.action} was lost; reading showed that it had taken effect")


def _not_needed(context: Context, work: Work, call: Call[T], value: T) -> None:
    """What the call asks for is there. An attempt that was refused, because something ran, may have begun just that."""
    what = f"{call.version} was made live" if call.version else f"{call.action} was done"
    made = work.last_write(call.action)
    if made is None or made.outcome is WriteOutcome.DONE:
        if not work.effective:
            context.note(work, f"{what} by another operation; nothing was sent")
        context.advance(work, call.state or work.state, ticket=_ticket(value))
        return
    _conclude(context, work, made, value)
    how = "was refused" if made.outcome is WriteOutcome.FAILED else "had no answer"
    _tell_found(context, work, call, f"{what} by another operation, or by our call that {how}; nothing was sent again")


def _tell_found(context: Context, work: Work, call: Call[T], found: str) -> None:
    """For people and for the audit log, which has the attempt as one that failed or was lost."""
    context.note(work, found)
    context.audit(work, call.action, "success", version=call.version, details={**call.details, "found": found})


def _ticket(value: object) -> Ticket | None:
    if isinstance(value, UploadSlot):
        return value.ticket
    return value if isinstance(value, Ticket) else None


def _audit(
    context: Context, work: Work, call: Call[T], started: float, outcome: WriteOutcome, facts: AuditFacts
) -> None:
    words = {WriteOutcome.DONE: "success", WriteOutcome.FAILED: "failure", WriteOutcome.LOST: "lost"}
    facts["version"] = call.version
    facts["latency_ms"] = (context.clock.monotonic() - started) * 1000
    facts["details"] = {**call.details, **call.sent, **facts.get("details", {})}
    context.audit(work, call.action, words[outcome], **facts)
