"""Staged rollouts that are still under way in the organisation."""

from __future__ import annotations

from controller.delivery.context import Context
from controller.delivery.poll import outlasted
from controller.delivery.reading import current
from controller.delivery.work import Work
from controller.domain.errors import NotFound
from controller.domain.platform import Priority, TicketKind


async def rollout_under_way(context: Context, work: Work) -> bool:
    """Whether the version that this change published is on its way to all traffic, even where another is live now.

    One that is not found may only not be seen yet, until its time is over. Raises what reading the organisation raises.
    """
    ticket = work.record.ticket
    if ticket is None or ticket.kind is not TicketKind.PUBLISH or ticket.version == work.record.previous_version:
        return False
    try:
        progress = await context.platform.at(Priority.ROLLBACK).publishing.progress(ticket)
    except NotFound:
        return not outlasted(context, work)
    return not progress.finished


async def came_to_nothing(context: Context, work: Work) -> bool:
    """Whether nothing is known of a publish, though its time is over, and the flow is as it was before."""
    ticket = work.record.ticket
    if ticket is None or ticket.kind is not TicketKind.PUBLISH or not outlasted(context, work):
        return False
    try:
        await context.platform.publishing.progress(ticket)
    except NotFound:
        live = await current(context, work)
        return live is not None and live.published_version == work.record.previous_version
    return False
