"""The writes that make a version live: publish it, switch to it, or upload a file that becomes one.

Right before each attempt the flow is read: the time since the plan is long (validation, locks, other operations), and
a version that was published meanwhile is neither overwritten nor published again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from controller.delivery.change_run import ChangeRun
from controller.delivery.journal_entries import PREVIOUS_DIGEST
from controller.delivery.live_state import LOST_ANSWER_S, READ_FAULTS, before_write, is_version, require_planned
from controller.delivery.locks import require_unlocked
from controller.delivery.out_of_band import is_ours, noted_of_flow
from controller.delivery.publish_proof import (
    find_publish_in_flight,
    proves,
    publish_marker,
    was_first_publish,
    was_published_after,
)
from controller.delivery.writer import Took, Write, had_no_effect, write
from controller.domain.capabilities import provided
from controller.domain.desired import Stage
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.change import FlowLocked, PublishFailed, PublishUnexplained, RollbackFailed
from controller.domain.errors.process import StoreFailed
from controller.domain.live import LiveFlow
from controller.domain.platform import (
    Capability,
    FailureCause,
    Progress,
    ProgressState,
    PublishRequest,
    SwitchRequest,
    Ticket,
    TicketKind,
    UploadSlot,
)
from controller.domain.redaction import SECRETS
from controller.domain.status import StepState
from controller.store.records import WriteRecord

_UNKNOWN_DIGEST = "rollback-bypass-hash"
"""The hash that the organisation accepts for a version without a known hash."""
_AUTOMATED = "automated-rollback"
_SHOWN = 3


async def publish_version(
    run: ChangeRun, version: str, *, stages: Sequence[Stage] = (), state: StepState | None = None
) -> Ticket:
    """Publish a version, all at once or in stages. `state` is where the intent moves the change."""
    request = PublishRequest(
        flow_id=run.flow_id or "",
        version=version,
        dependency_digest=_known_digest(run, version) if run.going_back else run.record.dependency_digest,
        reason=_reason(run),
        metadata=_metadata(run),
        stages=tuple(stages),
    )
    call = Write(
        run.action("publish"),
        lambda: run.platform.publishing.publish(request),
        details={"version": version, "stages": len(stages)},
        sent={"payload": run.sync.platform.publishing.payload(request)},
        version=version,
        state=state,
    )
    return await write(run, await _with_checks(run, call, version))


async def switch_version(run: ChangeRun, version: str, *, state: StepState | None = None) -> Ticket:
    """Switch traffic to a version; the request carries the version that a rollback would switch back to."""
    back_to = None if run.going_back else run.record.previous_version
    request = SwitchRequest(run.flow_id or "", version, back_to, _reason(run))
    call = Write(
        run.action("switch"),
        lambda: run.platform.publishing.switch(request),
        details={"version": version, "rollback_to": back_to},
        sent={"reason": request.reason},
        version=version,
        state=state,
    )
    return await write(run, await _with_checks(run, call, version))


async def _with_checks(run: ChangeRun, call: Write[Ticket], version: str) -> Write[Ticket]:
    """The write, not made where the version is there already; a lost answer is found out by reading."""
    known = run.change.previous_digest
    noted = {} if run.going_back else {**({PREVIOUS_DIGEST: known} if known else {}), **run.noted}
    details = {**call.details, **noted, **await publish_marker(run, version)}

    async def look() -> Took[Ticket] | None:
        ticket = await find_publish_in_flight(run, version, lambda live: was_published_after(live, version, details))
        return None if ticket is None else Took(ticket)

    return replace(call, details=details, look=look, ready=_ready_to_make_live(run, version, call.action))


def _metadata(run: ChangeRun) -> Mapping[str, str]:
    """The metadata of a publish. Source: the documents on publishing (P2) and rollback (P8)."""
    sync, release = run.sync, None if run.desired is None else run.desired.release_version
    return {
        "releaseVersion": "rollback" if run.going_back else release or sync.record.revision,
        "deployedBy": (run.asker or _AUTOMATED) if run.going_back else sync.record.actor,
        "environment": sync.organization.environment or sync.organization.name,
        "timestamp": sync.clock.now().isoformat(),
    }


def _reason(run: ChangeRun) -> str:
    return f"rollback: {run.record.reason or 'a change failed'}" if run.going_back else run.change.reason


def _known_digest(run: ChangeRun, version: str) -> str:
    """The dependency digest that a version was delivered with, by the journal or else by the record."""
    earlier = run.sync.store.journal.delivered(run.sync.organization.name, run.key, version)
    if earlier is not None:
        return earlier.dependency_digest
    if version == run.change.from_version:
        return run.change.previous_digest or _UNKNOWN_DIGEST
    asked_for = version == run.record.target_version
    return (run.record.dependency_digest if asked_for else "") or _UNKNOWN_DIGEST


# The flow right before a write.


def _ready_to_make_live(run: ChangeRun, version: str, action: str) -> Callable[[], Awaitable[Took[Ticket] | None]]:
    """Whether a write that makes a version live is still needed.

    The result raises PlanStale where neither the planned version nor this one is live, and for a rollback
    RollbackFailed where another client's version is.
    """

    back = run.going_back

    async def ready() -> Took[Ticket] | None:
        live = await (run.live() if back else before_write(run))
        there = await _there(run, live, version, action)
        if there is None and not back:
            require_planned(run, live)
        elif there is None and not is_version(live, version):
            await _require_ours(run, live)
        return there

    return ready


async def _require_ours(run: ChangeRun, live: LiveFlow | None) -> None:
    """Raises RollbackFailed unless the live version comes from this sync."""
    if live is None:
        raise RollbackFailed("the flow was deleted")
    if not await is_ours(run, live):
        raise RollbackFailed(
            f"{live.published_version or 'nothing'} is live, published out of band after this sync's "
            f"{run.record.live_version or run.record.target_version or 'attempt'}; it was left alone"
        )


async def _there(run: ChangeRun, live: LiveFlow | None, version: str, action: str) -> Took[Ticket] | None:
    """The version if it is live or on its way by an earlier attempt; None if it must be requested."""
    made = run.last_write(action)
    done = Ticket(TicketKind.DONE, "", run.flow_id, version)
    if live is not None and _is_there(run, live, version, made):
        return Took(done)
    if made is None or not run.sync.can(Capability.ATOMIC_SWITCH):
        return None
    running = await run.platform.publishing.running(run.flow_id or "", version)
    if running is not None:
        return Took(running)
    ended = is_version(live, version) and await was_first_publish(run, version, made.details)
    return Took(done) if ended else None


def _is_there(run: ChangeRun, live: LiveFlow, version: str, made: WriteRecord | None) -> bool:
    """A version that is to be published once more is there by an earlier attempt or not at all."""
    if made is not None:
        return proves(made.details) and was_published_after(live, version, made.details)
    once_more = version == run.record.live_version or (
        run.rollout_began_at is not None and version == run.record.previous_version
    )
    again = once_more if run.going_back else version == run.record.previous_version
    return is_version(live, version) and not again


# Uploads.


async def send_source(run: ChangeRun, text: str, *, state: StepState | None = None) -> Ticket:
    """Upload a flow file; the journal has the job's ticket before the file is sent.

    The flow is read once, between the two: a job without a file does nothing. Raises PlanStale and FlowLocked.
    """
    run.size = len(text)
    uploads = provided(run.platform.uploads, run.sync.platform.dialect, Capability.PUBLISH_SOURCE)

    def register() -> Awaitable[UploadSlot]:
        return uploads.register()

    slot = await write(run, Write(run.action("register"), register))

    async def send() -> bool:
        await uploads.send(slot, text)
        return True

    async def look() -> Took[bool] | None:
        return Took(value=True) if await arrived(run, slot.ticket) else None

    details: dict[str, object] = {"job": slot.ticket.id}

    async def ready() -> None:
        if run.going_back:
            await _require_ours(run, await run.live())
            return
        live = await before_write(run)
        require_planned(run, live)
        require_unlocked(run, live)
        run.planned_flow = live
        details.update(noted_of_flow(live))  # the intent is written after this

    await write(run, Write(run.action("upload"), send, look, details=details, ready=ready, state=state))
    return slot.ticket


async def arrived(run: ChangeRun, ticket: Ticket) -> bool:
    """Whether a registered job has received its file; waits long enough for a file that is on its way.

    Raises the last error where no poll succeeded: a job that is not found may only not be visible yet.
    """
    sync = run.sync
    fault: PenstockError | None = None
    for look in range(max(int(LOST_ANSWER_S / sync.settings.verify_wait_s), 1)):
        if look:
            await sync.clock.sleep(sync.settings.verify_wait_s)
        try:
            progress = await run.platform.publishing.progress(ticket)
        except StoreFailed:
            raise
        except READ_FAULTS as error:
            fault = error
            continue
        fault = None
        if progress.started:
            return True
    if fault is not None:
        raise fault
    return False


async def failed_without_effect(run: ChangeRun, progress: Progress) -> bool:
    """Whether a publish failed for no reason in the content and left the flow as it was.

    The journal notes that the write had no effect, so nothing is rolled back for it.
    """
    if progress.state is ProgressState.SUCCEEDED or _blames_content(progress):
        return False
    live = await run.live()
    if (None if live is None else live.published_version) != run.record.previous_version:
        return False
    had_no_effect(run)
    return True


def _blames_content(progress: Progress) -> bool:
    return progress.state is ProgressState.FAILED and progress.cause is FailureCause.CONTENT


def require_success(run: ChangeRun, progress: Progress) -> None:
    """Note the organisation's messages. Raises PublishFailed where the publish failed because of the content, and
    FlowLocked or PublishUnexplained where it failed for another reason or for none.
    """
    for message in progress.messages:
        run.note(message)
    if progress.state is ProgressState.SUCCEEDED:
        return
    words = "; ".join(SECRETS.text(message) for message in progress.messages[:_SHOWN])
    failure = f"{run.label}: publishing {progress.state.value}: {words or 'no reason given'}"
    if _blames_content(progress):
        raise PublishFailed(failure, hint="correct the flow and commit it; nothing is tried again until then")
    if progress.cause is FailureCause.LOCK:
        raise FlowLocked(failure, hint="ask for the lock to be released, or set onLocked: wait or unlock")
    raise PublishUnexplained(failure)
