"""Locked flows: fail, wait or unlock, as the manifest says; never break a lock without keeping what was in it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from controller.delivery.context import Context
from controller.delivery.drafts import UNLOCK, keep_what_was_saved
from controller.delivery.reading import current
from controller.delivery.work import Work
from controller.delivery.writer import Call, Took, write
from controller.domain.desired import OnLocked
from controller.domain.errors import FlowLocked, RequestRejected
from controller.domain.live import LiveFlow, LockHolder
from controller.domain.platform import Priority
from controller.domain.ports import Locks

T = TypeVar("T")
_CONFLICT = 409


async def wait_for_lock(
    context: Context, work: Work, live: LiveFlow | None, *, priority: Priority = Priority.PUBLISH
) -> LiveFlow | None:
    """The flow once nobody else holds it, read again where time has passed.

    Raises FlowLocked by policy, and Parked when the process has to go; a rollback waits on.
    """
    if priority is not Priority.ROLLBACK:
        await keep_what_was_saved(context, work, live)
    holder = _in_the_way(context, live)
    if live is None or holder is None:
        return live
    policy = context.organization.on_locked
    locks = context.platform.at(priority).locks
    if policy is OnLocked.UNLOCK and locks is not None:
        return await _unlock(context, work, locks, live, holder, priority)
    if policy is not OnLocked.WAIT:
        raise _locked(context, work, holder)
    for _ in range(context.settings.lock_attempts):
        context.tell("lock.waiting", work, holder=holder.name, wait_s=context.settings.lock_wait_s)
        await _pause(context, priority)
        live = await current(context, work, priority=priority)
        holder = _in_the_way(context, live)
        if holder is None:
            return live
    raise _locked(context, work, holder)


async def through_conflicts(
    context: Context, work: Work, attempt: Callable[[], Awaitable[T]], *, priority: Priority = Priority.PUBLISH
) -> T:
    """Make a write that a 409 may refuse: another operation is waited for, a person's lock by policy.

    Raises FlowLocked, what the write raises, and Parked when the process has to go; a rollback waits on.
    """
    for _ in range(context.settings.lock_attempts):
        try:
            return await attempt()
        except (FlowLocked, RequestRejected) as conflict:
            if isinstance(conflict, RequestRejected) and conflict.status != _CONFLICT:
                raise
            if isinstance(conflict, FlowLocked) and conflict.holder is not None:
                live = await current(context, work, priority=priority)
                await wait_for_lock(context, work, live, priority=priority)
            else:
                context.tell("lock.waiting", work, holder=None, wait_s=context.settings.lock_wait_s)
                await _pause(context, priority)
    return await attempt()


async def _pause(context: Context, priority: Priority) -> None:
    """A rollback waits on; everything else raises Parked when the process has to go."""
    wait = context.clock.sleep if priority is Priority.ROLLBACK else context.signals.rest
    await wait(context.settings.lock_wait_s)


def _in_the_way(context: Context, live: LiveFlow | None) -> LockHolder | None:
    holder = None if live is None else live.locked_by
    if holder is not None and holder.is_client(context.settings.client_name):
        return None
    return holder


async def _unlock(
    context: Context, work: Work, locks: Locks, live: LiveFlow, holder: LockHolder, priority: Priority
) -> LiveFlow | None:
    """Break the lock and keep what its holder had saved, before anything is published over it.

    Breaking a lock checks the holder's saved changes in as a new version, which can be exported; the draft cannot.
    """

    async def look() -> Took[LiveFlow] | None:
        seen = await current(context, work, priority=priority)
        return Took(seen) if seen is not None and seen.locked_by is None else None

    details = {"holder": holder.name, "had": live.has_draft, "checked_in": live.checked_in_version}
    call = Call(UNLOCK, lambda: locks.unlock(live.id), look, details=details)
    await write(context, work, call)
    freed = await current(context, work, priority=priority)
    context.note(work, f"the lock of {holder.name} was broken")
    await keep_what_was_saved(context, work, freed, priority=priority)
    return freed


def _locked(context: Context, work: Work, holder: LockHolder) -> FlowLocked:
    since = f" since {holder.since:%Y-%m-%d %H:%M} UTC" if holder.since else ""
    waits = context.organization.on_locked is OnLocked.WAIT
    waited = context.settings.lock_attempts * context.settings.lock_wait_s if waits else 0.0
    other = (["wait"] if not waits else []) + (["unlock"] if context.platform.locks is not None else [])
    return FlowLocked(
        f"{work.change.flow} ({work.key}) is locked by {holder.kind} {holder.name}{since}"
        + (f"; it was waited for, {waited:.0f} s long" if waits else ""),
        holder=holder.name,
        hint="ask for the lock to be released" + (f", or set onLocked: {' or '.join(other)}" if other else ""),
    )
