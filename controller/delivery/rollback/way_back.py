"""The way back of one change: ways to the previous version, tried in order until the live flow shows it.

Where the organisation does not make an old version live again, its content is uploaded as a new version.
"""

from __future__ import annotations

from functools import partial

from controller.delivery.change_run import ChangeRun
from controller.delivery.exporting import export_version
from controller.delivery.follow import follow
from controller.delivery.journal_entries import EFFECTIVE, ROLLBACK
from controller.delivery.live_state import is_version, require_newer, require_version
from controller.delivery.locks import through_conflicts, wait_for_lock
from controller.delivery.out_of_band import is_ours, tell_left
from controller.delivery.publish_proof import find_publish_in_flight, rollout_in_flight
from controller.delivery.publish_writes import arrived, publish_version, require_success, send_source, switch_version
from controller.delivery.remove_step import take_out
from controller.domain.errors.branches import Refused
from controller.domain.errors.change import PublishFailed, PublishTimedOut, RollbackFailed
from controller.domain.errors.organization import AnswerLost, NotFound, RequestRejected
from controller.domain.live import LiveFlow
from controller.domain.platform import Capability, Priority, ProgressState, Ticket, TicketKind
from controller.planning.model import ChangeKind
from controller.store.records import WriteOutcome


async def restore(run: ChangeRun) -> str | None:
    """Make one attempt; return the version that is live afterwards, None for a new flow that is unpublished again.

    Raises RollbackFailed when another attempt cannot help, and other errors when it may.
    """
    if run.change.kind is ChangeKind.DELETE:
        raise RollbackFailed("a deleted flow cannot be restored; its last version is in the artifacts")
    await finish_earlier_attempt(run)
    live = await run.live()
    previous = run.record.previous_version
    if previous is None:
        await _unpublish(run, live)
        return None
    if live is None:
        raise RollbackFailed("the flow was deleted")
    # Before the live version is compared: during a rollout the previous version is live beside the new one.
    if await rollout_in_flight(run):
        return await _end_rollout(run, await _live_beside_it(run, live, previous))
    if is_version(live, previous):
        ended = run.rollout_began_at is None or await _rollout_ended(run, previous)
        return previous if ended else await _end_rollout(run, previous)
    if not await is_ours(run, live):
        return await made_by_another(run, live, previous)
    await wait_for_lock(run, live)
    if run.sync.can(Capability.ATOMIC_SWITCH):
        return await _route_back(run, previous)
    return await _publish_back(run, previous)


async def finish_earlier_attempt(run: ChangeRun) -> None:
    """Wait for an upload or publish of an earlier attempt, or of a process that died, which may still be running."""
    ticket = run.record.ticket
    if ticket is None:
        await _await_unanswered(run)
    elif ticket.kind is TicketKind.JOB:
        await _await_job(run, ticket)
    # A running rollout of the new version is not awaited: it is ended.
    elif ticket.kind is not TicketKind.PUBLISH or ticket.version == run.record.previous_version:
        await _follow(run, ticket)


async def _await_job(run: ChangeRun, ticket: Ticket) -> None:
    """Follow a job. Where the delivery's job is not found, or takes too long, the live flow decides."""
    try:
        if await arrived(run, ticket):
            await _follow(run, ticket)
    except (NotFound, PublishTimedOut) as error:
        if any(write.action == f"{ROLLBACK}upload" for write in run.record.writes):
            raise
        run.note(error.message)


async def _await_unanswered(run: ChangeRun) -> None:
    """After a crash between a call and its answer: give the call time to take effect."""
    last = run.record.writes[-1] if run.record.writes else None
    previous = run.record.previous_version
    if last is None or previous is None or last.outcome in (WriteOutcome.DONE, WriteOutcome.FAILED):
        return
    if last.action in (f"{ROLLBACK}publish", f"{ROLLBACK}switch"):
        begun = await find_publish_in_flight(run, previous, lambda live: is_version(live, previous))
        if begun is not None:
            await _follow(run, begun)


async def _follow(run: ChangeRun, ticket: Ticket) -> None:
    """Follow to the end, good or bad: the live flow decides."""
    progress = await follow(run, ticket)
    for message in progress.messages:
        run.note(message)


async def _unpublish(run: ChangeRun, live: LiveFlow | None) -> None:
    """Unpublish a flow that was not published before; the flow and its versions stay."""
    if live is None or live.published_version is None:
        return
    if not await is_ours(run, live):
        raise RollbackFailed(f"{live.published_version} is live, published out of band after this sync")
    if run.sync.platform.removal is None:
        raise RollbackFailed(
            f"the {run.sync.platform.dialect} dialect cannot unpublish; the new flow is live with "
            f"{live.published_version}: take it out of use in Architect"
        )
    await through_conflicts(run, lambda: take_out(run, delete=False))
    after = await run.live()
    if after is not None and after.published_version is not None:
        raise PublishFailed(f"{run.key} is still published after it was unpublished")


async def _route_back(run: ChangeRun, previous: str) -> str:
    """Go back as the change came, by publish or switch; the other way where the previous version is not live then."""
    ways, came = [publish_version, switch_version], run.last_write(*EFFECTIVE)
    if came is not None and came.action == "switch":
        ways.reverse()
    for way in ways:
        ticket = await through_conflicts(run, partial(way, run, previous))
        await _follow(run, ticket)
        try:
            await require_version(run, previous)
        except PublishFailed as error:
            failure = error
        else:
            return previous
    raise failure


async def _rollout_ended(run: ChangeRun, previous: str) -> bool:
    """Whether an earlier attempt to publish the previous version at 100 % succeeded."""
    ticket = run.record.ticket
    if ticket is None or ticket.version != previous:
        return False
    return (await run.platform.publishing.progress(ticket)).state is ProgressState.SUCCEEDED


async def _live_beside_it(run: ChangeRun, live: LiveFlow, previous: str) -> str:
    """The version that gets all traffic after the rollout: one that was published meanwhile, if any."""
    version = live.published_version
    if version is None or version in (previous, run.record.target_version):
        return previous
    tell_left(run, version)
    run.advance(run.state, previous_version=version)
    return version


async def _end_rollout(run: ChangeRun, previous: str) -> str:
    """Publish the previous version at 100 %, which ends the rollout that was to replace it.

    A failed stage ends, but traffic may remain on it. Raises PublishFailed unless the publish succeeds; where
    it is refused, the organisation has to show that no rollout is left.
    """
    rollout = run.record.ticket
    try:
        ticket = await through_conflicts(run, partial(publish_version, run, previous))
    except RequestRejected as error:
        live = await run.live()
        if await rollout_in_flight(run) or not is_version(live, previous):
            raise
        run.note(f"{previous} is live; publishing it at 100 % again was refused: {error.message}")
        return previous
    require_success(run, await follow(run, ticket))
    await require_version(run, previous)
    if rollout is not None and not (await run.platform.publishing.progress(rollout)).finished:
        raise PublishFailed(f"the rollout {rollout.id} of {run.key} continues, although {previous} was published again")
    return previous


async def _publish_back(run: ChangeRun, previous: str) -> str:
    """Publish the old version; where the organisation does not really switch, upload its export as a new one.

    A lost answer is no outage here: reading has shown that the publish had no effect.
    """
    try:
        ticket = await through_conflicts(run, lambda: publish_version(run, previous))
        await _follow(run, ticket)
        await require_version(run, previous)
    except (PublishFailed, RequestRejected, Refused, AnswerLost) as error:
        if not can_upload_back(run):
            raise
        run.note(f"{previous} could not be published again ({error.message}); its export is uploaded")
        return await upload_back(run, previous)
    except PublishTimedOut:
        if is_version(await run.live(), previous):
            return previous
        raise
    return previous


# The old content as a new version.


async def made_by_another(run: ChangeRun, live: LiveFlow, previous: str) -> str:
    """The live version, if it is an earlier attempt of ours with the old content.

    Raises RollbackFailed otherwise: another client's version is never replaced.
    """
    version = live.published_version
    if version is not None and await _same_content(run, live.id, version, previous):
        return version
    raise RollbackFailed(
        f"{version or 'nothing'} is live, published out of band after this sync's {run.record.live_version}; "
        "it was left alone"
    )


async def _same_content(run: ChangeRun, flow_id: str, version: str, previous: str) -> bool:
    export, digest = await export_version(run.sync, flow_id, version, priority=Priority.ROLLBACK)
    _, wanted = await export_version(run.sync, flow_id, previous, priority=Priority.ROLLBACK)
    # Kept, so that the record needs no second export.
    if digest == wanted:
        run.export, run.export_digest = export, digest
    return digest == wanted


def can_upload_back(run: ChangeRun) -> bool:
    """Whether the organisation exports files that it accepts as uploads."""
    return run.sync.platform.uploads is not None and run.sync.can(Capability.YAML_EXPORT)


async def upload_back(run: ChangeRun, previous: str) -> str:
    """Upload the old content as a new version, prove it by comparing exports, and return its number.

    Raises RollbackFailed, PublishFailed, PublishTimedOut and ExportFailed.
    """
    flow_id = run.flow_id or ""
    export, wanted = await export_version(run.sync, flow_id, previous, priority=Priority.ROLLBACK)
    before = await run.live()
    if export.yaml is None:
        raise RollbackFailed(f"the organisation gives no YAML of {previous}, so it cannot be uploaded")
    ticket = await send_source(run, export.yaml)
    require_success(run, await follow(run, ticket))
    than = None if before is None else before.published_version
    live = await require_newer(run, than)
    version = live.published_version or ""
    if not await _same_content(run, flow_id, version, previous):
        raise RollbackFailed(
            f"{version} was made from the export of {previous}, but its own export differs from it ({wanted[:19]}...)"
        )
    return version
