"""The only way to a call that changes the organisation: intent, call, result.

The intent proves the lease, and the lease is checked again when the call is sent, however long it waited.

How often a publish is tried, from the inside out:

1. `genesys/transport.py` sends one call up to 4 times, but never again once its answer was lost.
2. `write` makes up to 3 attempts. Another one follows only where the one before certainly had no effect: it was never
   sent, or reading showed so.
3. `locks.through_conflicts` writes again after a conflict (409), which has no effect either: 20 times, unless the
   operator sets another timeout.
4. `publish_step` sends a file twice if its job failed for no reason in the content, and `rollback` makes 3 attempts.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from controller.delivery.change_run import ChangeRun
from controller.delivery.journal_entries import EFFECTIVE, NO_EFFECT
from controller.delivery.live_state import leave_undetermined
from controller.delivery.sync_run import AuditFacts
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.organization import (
    UNCERTAIN,
    AnswerLost,
    BadAnswer,
    CircuitOpen,
    RateLimited,
    RequestRejected,
    ServerFault,
    Unreachable,
)
from controller.domain.platform import Launch, Ticket, UploadSlot
from controller.domain.redaction import SECRETS
from controller.domain.send_guard import sends_guarded_by
from controller.domain.status import StepState
from controller.store.records import WriteOutcome, WriteRecord

T = TypeVar("T")
_ATTEMPTS = 3
_RETRY_S = 2.0
"""The wait after the first attempt that was never sent; doubled after each further one."""
_UNCLEAR = (AnswerLost, BadAnswer, ServerFault)
"""Errors that leave open whether the write took effect: no answer, an unreadable one, or a fault of the server."""


@dataclass(frozen=True, slots=True)
class Took(Generic[T]):
    """The write has taken effect although its answer was lost; `value` replaces the answer."""

    value: T


Check = Callable[[], Awaitable[Took[T] | None]]


@dataclass(frozen=True, slots=True)
class Write(Generic[T]):
    """One write to the organisation."""

    action: str
    send: Callable[[], Awaitable[T]]
    look: Check[T] | None = None
    """Called after a lost answer: reads until it knows; None if the write certainly had no effect.

    A write without an effect of its own needs no look: it is simply repeated.
    """
    details: Mapping[str, object] = field(default_factory=dict)
    """For the journal and the audit log; never a secret."""
    sent: Mapping[str, object] = field(default_factory=dict)
    """For the audit log only: what the organisation is sent."""
    version: str | None = None
    state: StepState | None = None
    """Where the intent moves the change."""
    ready: Check[T] | None = None
    """Reads the live flow right before each attempt. Raises to forbid the write; a value means that it is done."""


async def write(run: ChangeRun, call: Write[T]) -> T:
    """Make the write take effect once.

    Raises LeaseLost or StoreFailed before anything is sent, the organisation's refusal, the errors of `ready`, and
    Parked where the result of a lost answer could not be determined.
    """
    for attempt in range(_ATTEMPTS):
        last = attempt + 1 == _ATTEMPTS
        with _reading(run, call):
            there = await call.ready() if call.ready is not None else None
        if there is not None:
            _not_needed(run, call, there.value)
            return there.value
        try:
            journaled = _Journaled(run, call)
            with journaled.sending():
                value = await call.send()
            journaled.succeeded(value)
        except _UNCLEAR as error:
            with _reading(run, call):
                took = await call.look() if call.look is not None else None
            if took is not None:
                _found_out(run, call, took.value)
                return took.value
            had_no_effect(run)
            if last:
                raise _last_of(call, error, _ATTEMPTS) from error
        except (Unreachable, CircuitOpen, RateLimited) as error:
            if last:
                raise
            wait_s = error.retry_after_s if isinstance(error, RateLimited) else _RETRY_S * 2**attempt
            await run.sync.clock.sleep(wait_s)
        else:
            return value
    raise AssertionError("the last attempt returns or raises")


def _reading(run: ChangeRun, call: Write[T]) -> AbstractContextManager[None]:
    """For a read about the write: raises Parked where a version may be live by an attempt, and cannot be read."""
    may_be_live = run.touched and run.state is StepState.PUBLISHING and call.action in EFFECTIVE
    return leave_undetermined(run) if may_be_live else nullcontext()


def had_no_effect(run: ChangeRun) -> None:
    """Note in the journal that the last write had no effect, as reading showed: nothing is rolled back for it then."""
    made = next(write for write in reversed(run.record.writes) if write.outcome is not None)
    result = {**(made.result or {}), **NO_EFFECT}
    run.record = run.sync.store.journal.conclude(run.record, made, made.outcome or WriteOutcome.FAILED, result)


def _last_of(call: Write[T], error: PenstockError, times: int) -> PenstockError:
    """The error after the last attempt, of a write that had no effect each time."""
    if call.look is None:
        return error
    cause_text = error.message.removesuffix(UNCERTAIN)
    return AnswerLost(
        f"{cause_text}; it was sent {times} times, and reading showed each time that it had not taken effect",
        hint="run it again; nothing was changed",
    )


class _Journaled:
    """One attempt in the journal and the audit log: the intent is written first, the result afterwards, in both."""

    def __init__(self, run: ChangeRun, call: Write[T]) -> None:
        """Raises LeaseLost or StoreFailed; nothing was sent then."""
        self._run = run
        self._call = call
        before = run.state
        # Git may have dropped the gates when a later process resumes the change: the number of them is kept.
        details = {**call.details, "gates": len(run.gates)} if call.action in EFFECTIVE else call.details
        run.record = run.sync.store.journal.intend(run.sync.lease, run.record, call.action, details, state=call.state)
        self._intent = run.record.writes[-1]
        if run.state is not before:
            run.moved()
        run.tell("write.intended", action=call.action, **details)
        self._started = run.sync.clock.monotonic()

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Send within this: a request without the lease is refused, and an error is noted and passed on."""
        sync = self._run.sync
        try:
            with sends_guarded_by(lambda: sync.store.leases.require(sync.lease)):
                yield
        except PenstockError as error:
            outcome = WriteOutcome.LOST if isinstance(error, _UNCLEAR) else WriteOutcome.FAILED
            message = SECRETS.text(error.message)
            status = {"status": error.status} if isinstance(error, RequestRejected) else {}
            result = {"error": error.code, "message": message, **status}
            with sync.store.together():
                self._run.record = sync.store.journal.conclude(self._run.record, self._intent, outcome, result)
                _audit(self._run, self._call, self._started, outcome, {"error": message})
            raise

    def succeeded(self, value: object) -> None:
        """Note the organisation's answer."""
        run, call = self._run, self._call
        run.tell("write.answered", action=call.action)
        ticket = _ticket(value)
        identified = {} if ticket is None or not ticket.id else {"publish_id": ticket.id}
        with run.sync.store.together():
            _conclude(run, self._intent, value)
            _audit(run, call, self._started, WriteOutcome.DONE, {"details": identified})
        run.tell("write.concluded", action=call.action)


def _conclude(run: ChangeRun, intent: WriteRecord, value: object) -> None:
    ticket = _ticket(value)
    result = {} if ticket is None else {"ticket": ticket.id, "kind": ticket.kind.value}
    if isinstance(value, Launch):
        result = {"launch": value.id}
    run.record = run.sync.store.journal.conclude(run.record, intent, WriteOutcome.DONE, result, ticket=ticket)


def _found_out(run: ChangeRun, call: Write[T], value: T) -> None:
    """Correct the journal: the last write of this kind did take effect."""
    with run.sync.store.together():
        _conclude(run, run.record.writes[-1], value)
        _tell_found(run, call, f"the answer to {call.action} was lost; reading showed that it had taken effect")


def _not_needed(run: ChangeRun, call: Write[T], value: T) -> None:
    """Handle a write that is no longer needed. An earlier, refused attempt of ours may have done it."""
    what = f"{call.version} was made live" if call.version else f"{call.action} was done"
    made = run.last_write(call.action)
    if made is None or made.outcome is WriteOutcome.DONE:
        if not run.effective:
            run.note(f"{what} by another operation; nothing was sent")
        run.advance(call.state or run.state, ticket=_ticket(value))
        return
    how = "was refused" if made.outcome is WriteOutcome.FAILED else "had no answer"
    with run.sync.store.together():
        _conclude(run, made, value)
        _tell_found(run, call, f"{what} by another operation, or by our call that {how}; nothing was sent again")


def _tell_found(run: ChangeRun, call: Write[T], found: str) -> None:
    """Report the finding to people and the audit log, which has the attempt as failed or lost."""
    run.note(found)
    run.audit(call.action, "success", version=call.version, details={**call.details, "found": found})


def _ticket(value: object) -> Ticket | None:
    if isinstance(value, UploadSlot):
        return value.ticket
    return value if isinstance(value, Ticket) else None


def _audit(run: ChangeRun, call: Write[T], started: float, outcome: WriteOutcome, facts: AuditFacts) -> None:
    words = {WriteOutcome.DONE: "success", WriteOutcome.FAILED: "failure", WriteOutcome.LOST: "lost"}
    facts["version"] = call.version
    facts["latency_ms"] = (run.sync.clock.monotonic() - started) * 1000
    facts["details"] = {**call.details, **call.sent, **facts.get("details", {})}
    run.audit(call.action, words[outcome], **facts)
