"""Telling a publish of a version that was live already from the one before it.

Its number cannot show it. When it was published can, as long as both moments are the organisation's own: our clock may
be hours off.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from controller.delivery.context import Context
from controller.delivery.reading import current
from controller.delivery.verify import is_version
from controller.delivery.work import Work
from controller.domain.errors import NotFound
from controller.domain.live import LiveFlow
from controller.domain.platform import Capability, Priority, ProgressState, Ticket, TicketKind

_LIVE, _BEFORE, _FIRST = "live_before", "published_before", "first_publish"


async def before_it(
    context: Context, work: Work, version: str, *, priority: Priority = Priority.PUBLISH
) -> Mapping[str, str]:
    """For the intent of a write: that the version is live already, and when it was published last. One call then."""
    if version not in (work.record.previous_version, work.record.live_version):
        return {}
    live = await current(context, work, priority=priority)
    if live is None or not is_version(live, version):
        return {}
    if live.published_at is not None:
        return {_LIVE: version, _BEFORE: live.published_at.isoformat()}
    first = context.can(Capability.ATOMIC_SWITCH) and await _state(context, work, version, priority) is None
    return {_LIVE: version} | ({_FIRST: version} if first else {})


async def ended_since(
    context: Context, work: Work, version: str, intent: Mapping[str, object], *, priority: Priority
) -> bool:
    """Whether a publish of the version ended well that the organisation did not know before the write of the intent.

    It tells of one that no answer told of, where neither a number nor a date does: the last one of each version is
    kept (P5).
    """
    return _FIRST in intent and await _state(context, work, version, priority) is ProgressState.SUCCEEDED


async def _state(context: Context, work: Work, version: str, priority: Priority) -> ProgressState | None:
    """How the last publish of the version stands; None where the organisation knows of none."""
    ticket = Ticket(TicketKind.PUBLISH, "", work.flow_id, version)
    try:
        return (await context.platform.at(priority).publishing.progress(ticket)).state
    except NotFound:
        return None


def proves(intent: Mapping[str, object]) -> bool:
    """Whether that the version is live proves the write with these details: it was not live, or its date tells."""
    return _LIVE not in intent or _BEFORE in intent


def went_live(live: LiveFlow | None, version: str, intent: Mapping[str, object]) -> bool:
    """Whether the version is live, and not still from before the write with these details."""
    if live is None or not is_version(live, version):
        return False
    before = intent.get(_BEFORE)
    if not isinstance(before, str):
        return True
    return live.published_at is not None and live.published_at != datetime.fromisoformat(before)
