"""Ways back to the version that was live before, tried in order until the live flow shows it."""

from __future__ import annotations

from functools import partial

from controller.delivery.context import Context
from controller.delivery.locks import through_conflicts, wait_for_lock
from controller.delivery.meanwhile import is_ours, tell_left
from controller.delivery.poll import follow
from controller.delivery.reading import current
from controller.delivery.remove_step import take_out
from controller.delivery.rollout import rollout_under_way
from controller.delivery.same_content import can_upload_back, made_by_another, upload_back
from controller.delivery.unanswered import came_of
from controller.delivery.upload import arrived, require_success
from controller.delivery.verify import exactly, is_version
from controller.delivery.version_writes import publish_version, switch_version
from controller.delivery.work import EFFECTIVE, Work
from controller.domain.errors import (
    AnswerLost,
    NotFound,
    PublishFailed,
    PublishTimedOut,
    Refused,
    RequestRejected,
    RollbackFailed,
)
from controller.domain.live import LiveFlow
from controller.domain.platform import Capability, Priority, ProgressState, Ticket, TicketKind
from controller.planning.model import ChangeKind
from controller.store import WriteOutcome

PREFIX = "rollback."


async def restore(context: Context, work: Work) -> str | None:
    """One attempt; returns the version that is live afterwards, None for a new flow that is unpublished again.

    Raises RollbackFailed when another attempt cannot help, and other errors when it may.
    """
    if work.change.kind is ChangeKind.DELETE:
        raise RollbackFailed("a deleted flow cannot be brought back; what was live is in the artifacts")
    await finish_earlier_attempt(context, work)
    live = await current(context, work, priority=Priority.ROLLBACK)
    previous = work.record.previous_version
    if previous is None:
        await _unpublish(context, work, live)
        return None
    if live is None:
        raise RollbackFailed("somebody deleted the flow")
    if await rollout_under_way(context, work):
        return await _end_rollout(context, work, await _live_beside_it(context, work, live, previous))
    if is_version(live, previous):
        ended = not work.staged or await _published_again(context, work, previous)
        return previous if ended else await _end_rollout(context, work, previous)
    if not await is_ours(context, work, live):
        return await made_by_another(context, work, live, previous)
    await wait_for_lock(context, work, live, priority=Priority.ROLLBACK)
    if context.can(Capability.ATOMIC_SWITCH):
        return await _route_back(context, work, previous)
    return await _publish_back(context, work, previous)


async def finish_earlier_attempt(context: Context, work: Work) -> None:
    """An upload or publish of an earlier attempt, or of a process that died, may still be under way."""
    ticket = work.record.ticket
    if ticket is None:
        await _await_unanswered(context, work)
    elif ticket.kind is TicketKind.JOB:
        await _await_job(context, work, ticket)
    elif ticket.kind is not TicketKind.PUBLISH or ticket.version == work.record.previous_version:
        await _follow(context, work, ticket)


async def _await_job(context: Context, work: Work, ticket: Ticket) -> None:
    """A delivery's job that cannot be seen, or outlasts what a rollback waits, is told; then what is live decides."""
    try:
        if await arrived(context, ticket, priority=Priority.ROLLBACK):
            await _follow(context, work, ticket)
    except (NotFound, PublishTimedOut) as error:
        if any(write.action == f"{PREFIX}upload" for write in work.record.writes):
            raise
        context.note(work, error.message)


async def _await_unanswered(context: Context, work: Work) -> None:
    """A process died between a call and its answer: give what it may have begun the time to show."""
    last = work.record.writes[-1] if work.record.writes else None
    previous = work.record.previous_version
    if last is None or previous is None or last.outcome in (WriteOutcome.DONE, WriteOutcome.FAILED):
        return
    if last.action in (f"{PREFIX}publish", f"{PREFIX}switch"):
        begun = await came_of(
            context, work, previous, lambda live: is_version(live, previous), priority=Priority.ROLLBACK
        )
        if begun is not None:
            await _follow(context, work, begun)


async def _follow(context: Context, work: Work, ticket: Ticket) -> None:
    """Until the end, good or bad: what is live decides."""
    progress = await follow(
        context, work, ticket, timeout_s=context.settings.rollback_timeout_s, priority=Priority.ROLLBACK
    )
    for message in progress.messages:
        context.note(work, message)


async def _unpublish(context: Context, work: Work, live: LiveFlow | None) -> None:
    """A flow that was not published before is unpublished again; it stays, with its versions."""
    if live is None or live.published_version is None:
        return
    if not await is_ours(context, work, live):
        raise RollbackFailed(f"{live.published_version} is live, which somebody published after this sync")
    if context.platform.removal is None:
        raise RollbackFailed(
            f"the {context.platform.dialect} dialect cannot unpublish; the new flow is live with "
            f"{live.published_version}: take it out of use by hand"
        )
    await through_conflicts(
        context, work, lambda: take_out(context, work, delete=False, prefix=PREFIX), priority=Priority.ROLLBACK
    )
    after = await current(context, work, priority=Priority.ROLLBACK)
    if after is not None and after.published_version is not None:
        raise PublishFailed(f"{work.key} is still published after it was unpublished")


async def _route_back(context: Context, work: Work, previous: str) -> str:
    """The way that the change came, published or switched; the other one where the previous version does not show."""
    ways = [publish_version, switch_version]
    if _was_switched(work):
        ways.reverse()
    for way in ways:
        ask = partial(way, context, work, previous, prefix=PREFIX)
        ticket = await through_conflicts(context, work, ask, priority=Priority.ROLLBACK)
        await _follow(context, work, ticket)
        try:
            await exactly(context, work, previous, priority=Priority.ROLLBACK)
        except PublishFailed as error:
            failure = error
        else:
            return previous
    raise failure


async def _published_again(context: Context, work: Work, previous: str) -> bool:
    """Whether an earlier attempt to publish the previous version at 100 % succeeded."""
    ticket = work.record.ticket
    if ticket is None or ticket.version != previous:
        return False
    return (await context.platform.at(Priority.ROLLBACK).publishing.progress(ticket)).state is ProgressState.SUCCEEDED


def _was_switched(work: Work) -> bool:
    made = [write.action for write in work.record.writes if write.action in EFFECTIVE]
    return made[-1:] == ["switch"]


async def _live_beside_it(context: Context, work: Work, live: LiveFlow, previous: str) -> str:
    """What is to have all traffic once the rollout is ended: what a person published while it was under way, if any."""
    version = live.published_version
    if version is None or version in (previous, work.record.target_version):
        return previous
    tell_left(context, work, version)
    context.advance(work, work.state, previous_version=version)
    return version


async def _end_rollout(context: Context, work: Work, previous: str) -> str:
    """Publish the previous version at 100 %: that ends the rollout which was to replace it.

    A stage that failed ended by itself, and traffic may be on it still. Raises PublishFailed unless that publish
    succeeded; where it is refused, the organisation has to show that nothing is left to be ended.
    """
    rollout = work.record.ticket
    ask = partial(publish_version, context, work, previous, prefix=PREFIX)
    try:
        ticket = await through_conflicts(context, work, ask, priority=Priority.ROLLBACK)
    except RequestRejected as error:
        live = await current(context, work, priority=Priority.ROLLBACK)
        if await rollout_under_way(context, work) or not is_version(live, previous):
            raise
        context.note(work, f"{previous} is live; publishing it at 100 % again was refused: {error.message}")
        return previous
    progress = await follow(
        context, work, ticket, timeout_s=context.settings.rollback_timeout_s, priority=Priority.ROLLBACK
    )
    require_success(context, work, progress)
    await exactly(context, work, previous, priority=Priority.ROLLBACK)
    if rollout is not None and not (await context.platform.at(Priority.ROLLBACK).publishing.progress(rollout)).finished:
        raise PublishFailed(f"the rollout {rollout.id} of {work.key} goes on, though {previous} was published again")
    return previous


async def _publish_back(context: Context, work: Work, previous: str) -> str:
    """Publish the old version; where the organisation does not really switch, upload its export as a new one.

    An answer that stays lost is told apart from an outage by then: reading showed that nothing had come of it.
    """
    try:
        ticket = await through_conflicts(
            context, work, lambda: publish_version(context, work, previous, prefix=PREFIX), priority=Priority.ROLLBACK
        )
        await _follow(context, work, ticket)
        await exactly(context, work, previous, priority=Priority.ROLLBACK)
    except (PublishFailed, RequestRejected, Refused, AnswerLost) as error:
        if not can_upload_back(context):
            raise
        context.note(work, f"{previous} could not be published again ({error.message}); its export is uploaded")
        return await upload_back(context, work, previous, prefix=PREFIX)
    except PublishTimedOut:
        if is_version(await current(context, work, priority=Priority.ROLLBACK), previous):
            return previous
        raise
    return previous
