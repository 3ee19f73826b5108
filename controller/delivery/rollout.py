"""Staged rollouts that are still under way in the organisation."""

from __future__ import annotations

from controller.delivery.context import Context
from controller.delivery.work import Work
from controller.domain.errors import NotFound
from controller.domain.platform import Priority, TicketKind


async def rollout_under_way(context: Context, work: Work) -> bool:
    """Whether the version that this change published is on its way to all traffic, even where another is live now.

    Raises what reading the organisation raises.
    """
    ticket = work.record.ticket
    if ticket is None or ticket.kind is not TicketKind.PUBLISH or ticket.version == work.record.previous_version:
        return False
    try:
        progress = await context.platform.progress(ticket, priority=Priority.ROLLBACK)
    except NotFound:
        return False
    return not progress.finished
