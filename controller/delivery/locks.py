"""Locked flows: fail, wait or unlock, as the manifest says. The draft under a broken lock is committed first.

Breaking a lock and committing its draft are two entries of the journal, so that a process that dies between them, or a
commit that fails, leaves a state that the next attempt can resume.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from controller.delivery.change_run import ChangeRun
from controller.delivery.writer import Took, Write, write
from controller.domain.desired import OnLocked
from controller.domain.errors.change import FlowLocked
from controller.domain.errors.organization import RequestRejected
from controller.domain.live import LiveFlow, LockHolder
from controller.domain.platform import Export
from controller.domain.ports import Locks
from controller.store.records import WriteOutcome, WriteRecord

T = TypeVar("T")
UNLOCK, KEEP = "unlock", "keep-draft"
_CONFLICT = 409


async def through_conflicts(run: ChangeRun, attempt: Callable[[], Awaitable[T]]) -> T:
    """Make a write that a 409 may refuse: wait for another operation to end, and for a person's lock by policy.

    Raises FlowLocked, the errors of the write, and Parked on a shutdown signal; a rollback waits on.
    """
    for _ in range(run.sync.settings.lock_attempts):
        try:
            return await attempt()
        except (FlowLocked, RequestRejected) as conflict:
            if isinstance(conflict, RequestRejected) and conflict.status != _CONFLICT:
                raise
            if isinstance(conflict, FlowLocked) and conflict.holder is not None:
                await wait_for_lock(run, await run.live())
            else:
                run.sync.concurrency.congested()
                run.tell("lock.waiting", holder=None, wait_s=run.sync.settings.lock_wait_s)
                await _pause(run)
    # One more attempt, since time has passed after the last one in the loop; its conflict goes to the caller.
    return await attempt()


async def wait_for_lock(run: ChangeRun, live: LiveFlow | None) -> LiveFlow | None:
    """The flow once its lock is free, read again where time has passed.

    Raises FlowLocked by policy, and Parked on a shutdown signal; a rollback waits on.
    """
    if not run.going_back:
        await keep_draft(run, live)
    holder = _other_holder(run, live)
    if live is None or holder is None:
        return live
    policy, locks = run.sync.organization.on_locked, run.platform.locks
    if policy is OnLocked.UNLOCK and locks is not None:
        return await _unlock(run, locks, live, holder)
    if policy is not OnLocked.WAIT:
        raise _locked(run, holder)
    for _ in range(run.sync.settings.lock_attempts):
        run.tell("lock.waiting", holder=holder.name, wait_s=run.sync.settings.lock_wait_s)
        await _pause(run)
        live = await run.live()
        holder = _other_holder(run, live)
        if holder is None:
            return live
    raise _locked(run, holder)


def require_unlocked(run: ChangeRun, live: LiveFlow | None) -> None:
    """Raises FlowLocked where somebody else holds the flow; `through_conflicts` acts by policy then."""
    holder = _other_holder(run, live)
    if holder is not None:
        raise _locked(run, holder)


async def _pause(run: ChangeRun) -> None:
    wait = run.sync.clock.sleep if run.going_back else run.sync.signals.rest
    await wait(run.sync.settings.lock_wait_s)


def _other_holder(run: ChangeRun, live: LiveFlow | None) -> LockHolder | None:
    holder = None if live is None else live.locked_by
    return None if holder is not None and holder.is_client(run.sync.settings.client_name) else holder


async def _unlock(run: ChangeRun, locks: Locks, live: LiveFlow, holder: LockHolder) -> LiveFlow | None:
    """Break the lock and commit its draft, before anything is published over it.

    Breaking a lock checks the draft in as a new version, which can be exported; a draft cannot.
    """

    async def look() -> Took[LiveFlow] | None:
        unlocked = await run.live()
        return Took(unlocked) if unlocked is not None and unlocked.locked_by is None else None

    details = {"holder": holder.name, "had": live.has_draft, "checked_in": live.checked_in_version}
    await write(run, Write(UNLOCK, lambda: locks.unlock(live.id), look, details=details))
    freed = await run.live()
    run.note(f"the lock of {holder.name} was broken")
    await keep_draft(run, freed)
    return freed


def _locked(run: ChangeRun, holder: LockHolder) -> FlowLocked:
    since = f" since {holder.since:%Y-%m-%d %H:%M} UTC" if holder.since else ""
    settings, waits = run.sync.settings, run.sync.organization.on_locked is OnLocked.WAIT
    waited = settings.lock_attempts * settings.lock_wait_s if waits else 0.0
    other = (["wait"] if not waits else []) + (["unlock"] if run.sync.platform.locks is not None else [])
    return FlowLocked(
        f"{run.label} is locked by {holder.kind} {holder.name}{since}"
        + (f"; it was waited for, {waited:.0f} s long" if waits else ""),
        holder=holder.name,
        hint="ask for the lock to be released" + (f", or set onLocked: {' or '.join(other)}" if other else ""),
    )


def may_owe_draft(run: ChangeRun) -> bool:
    """Whether the journal leaves open that the draft under a broken lock of the flow was committed."""
    last = _last_broken(run)
    return last is not None and (last.action, last.outcome) != (KEEP, WriteOutcome.DONE)


def _last_broken(run: ChangeRun) -> WriteRecord | None:
    return run.sync.store.journal.last_write(run.sync.organization.name, run.key, (UNLOCK, KEEP))


async def keep_draft(run: ChangeRun, live: LiveFlow | None) -> None:
    """Export and commit the draft under the flow's last broken lock, unless that was done already.

    Raises the errors of exporting and committing; then nothing may be published.
    """
    last = _last_broken(run)
    if last is None or live is None:
        return
    version = await _uncommitted(run, last, live)
    if version is not None:
        await _commit_draft(run, live.id, {"version": version, "holder": last.details["holder"]})


async def _uncommitted(run: ChangeRun, last: WriteRecord, live: LiveFlow) -> str | None:
    """The version that holds a draft which was not committed yet."""
    if last.action == KEEP:
        return None if last.outcome is WriteOutcome.DONE else str(last.details["version"])
    if last.outcome is WriteOutcome.FAILED or live.checked_in_version == last.details["checked_in"]:
        return None
    # Others may have checked in since the lock was broken: the draft is the first version after the one before it.
    newer = []
    for info in await run.platform.versions.of(live.id):
        if info.version == last.details["checked_in"]:
            break
        newer.append(info.version)
    return newer[-1] if newer else None


async def _commit_draft(run: ChangeRun, flow_id: str, details: Mapping[str, object]) -> None:
    version = str(details["version"])

    async def send() -> Export:
        draft = await run.platform.versions.export(flow_id, version)
        if run.sync.keep_draft is not None:
            await run.sync.keep_draft(run.change, draft)
        return draft

    async def unknown() -> Took[Export] | None:
        return None

    run.drafts.append(await write(run, Write(KEEP, send, unknown, details=details, version=version)))
    run.note(f"the draft under the broken lock of {details['holder']} is kept as version {version}")
