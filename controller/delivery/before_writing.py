"""The look right before each write: what a person published meanwhile is neither overwritten nor published again.

The time between the plan and a write is long: validation, locks, other operations that are waited for.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from controller.delivery.anew import ended_since, proves, went_live
from controller.delivery.context import Context
from controller.delivery.meanwhile import is_ours
from controller.delivery.reading import before_write, current, require_planned
from controller.delivery.verify import is_version
from controller.delivery.work import EFFECTIVE, Work
from controller.delivery.writer import Took
from controller.domain.errors import RollbackFailed
from controller.domain.live import LiveFlow
from controller.domain.platform import Capability, Priority, Ticket, TicketKind
from controller.store import WriteRecord

Ready = Callable[[], Awaitable[Took[Ticket] | None]]


async def require_ready(context: Context, work: Work, *, back: bool) -> None:
    """Raises PlanStale unless what the plan saw is live, and for the way `back` RollbackFailed unless ours is."""
    if back:
        await require_ours(context, work, await current(context, work, priority=Priority.ROLLBACK))
    else:
        require_planned(context, work, await before_write(context, work))


def ready_to_make_live(context: Context, work: Work, version: str, action: str) -> Ready:
    """For a call that makes a version live: whether it is needed still.

    What it returns raises PlanStale where neither the planned version nor this one is live, and for the way back
    RollbackFailed where a person's version is.
    """

    async def forward() -> Took[Ticket] | None:
        live = await before_write(context, work)
        there = await _there(context, work, live, version, action)
        if there is None:
            require_planned(context, work, live)
        return there

    async def back() -> Took[Ticket] | None:
        live = await current(context, work, priority=Priority.ROLLBACK)
        there = await _there(context, work, live, version, action)
        if there is None and not is_version(live, version):
            await require_ours(context, work, live)
        return there

    return forward if action in EFFECTIVE else back


async def require_ours(context: Context, work: Work, live: LiveFlow | None) -> None:
    """Raises RollbackFailed where what is live is not what this sync made live."""
    if live is None:
        raise RollbackFailed("somebody deleted the flow")
    if not await is_ours(context, work, live):
        raise RollbackFailed(
            f"{live.published_version or 'nothing'} is live, which somebody published after this sync's "
            f"{work.record.live_version or work.record.target_version or 'attempt'}; it was left alone"
        )


async def _there(context: Context, work: Work, live: LiveFlow | None, version: str, action: str) -> Took[Ticket] | None:
    """The version where it is live, or on its way by an earlier attempt; None where it has to be asked for."""
    made = work.last_write(action)
    done = Ticket(TicketKind.DONE, "", work.flow_id, version)
    if live is not None and _is_there(work, live, version, made):
        return Took(done)
    if made is None or not context.can(Capability.ATOMIC_SWITCH):
        return None
    priority = Priority.PUBLISH if action in EFFECTIVE else Priority.ROLLBACK
    running = await context.platform.at(priority).publishing.running(work.flow_id or "", version)
    if running is not None:
        return Took(running)
    ended = is_version(live, version) and await ended_since(context, work, version, made.details, priority=priority)
    return Took(done) if ended else None


def _is_there(work: Work, live: LiveFlow, version: str, made: WriteRecord | None) -> bool:
    """A version that is to be published once more is there by an earlier attempt or not at all."""
    if made is not None:
        return proves(made.details) and went_live(live, version, made.details)
    once_more = version == work.record.live_version or (work.staged and version == work.record.previous_version)
    again = once_more if work.state.going_back else version == work.record.previous_version
    return is_version(live, version) and not again
