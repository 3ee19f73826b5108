"""What came of asking for a version to be published when no answer tells: the process died, or the answer was lost."""

from __future__ import annotations

from collections.abc import Callable

from controller.delivery.context import Context
from controller.delivery.reading import seen
from controller.delivery.unread import READ_FAULTS
from controller.delivery.work import Work
from controller.domain.errors import StoreFailed
from controller.domain.live import LiveFlow
from controller.domain.platform import Priority, Ticket, TicketKind


async def came_of(
    context: Context,
    work: Work,
    version: str,
    wish: Callable[[LiveFlow | None], bool],
    *,
    priority: Priority = Priority.PUBLISH,
) -> Ticket | None:
    """The publish that is under way, or a ticket that is done once the flow is as wished; None when nothing came of it.

    A publish can take longer than a lost answer is looked for, and a staged one takes hours: it is followed then, since
    asking again would publish twice. Raises what reading the organisation raises.
    """
    running = await _running(context, work, version, priority)
    if running is not None:
        return running
    grace_s = context.settings.lost_answer_grace_s
    reached, live = await seen(context, work, wish, priority=priority, for_s=grace_s)
    if reached and live is not None:
        return Ticket(TicketKind.DONE, "", live.id, version)
    return await context.platform.at(priority).publishing.running(work.flow_id or "", version)


async def _running(context: Context, work: Work, version: str, priority: Priority) -> Ticket | None:
    """A first look; an outage is sat out by the reading that follows."""
    try:
        return await context.platform.at(priority).publishing.running(work.flow_id or "", version)
    except StoreFailed:
        raise
    except READ_FAULTS:
        return None
