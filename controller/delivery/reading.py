"""Reading flows as they are now, and refusing to write when they are not what the plan was made on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from controller.delivery.context import Context
from controller.delivery.unread import READ_FAULTS
from controller.delivery.work import NEW_FLOW, Work
from controller.domain.errors import PlanStale, StoreFailed
from controller.domain.live import LiveFlow
from controller.domain.platform import Capability, Priority

_SAME_MOMENT = timedelta(seconds=1)
"""Two answers may tell the same moment with another precision."""


async def current(context: Context, work: Work, *, priority: Priority = Priority.PUBLISH) -> LiveFlow | None:
    """The change's flow as it is now; None when it does not exist."""
    if work.flow_id is not None:
        return await context.platform.at(priority).flows.get(work.flow_id)
    return await context.platform.at(priority).flows.find(work.key)


async def as_planned(context: Context, work: Work, *, or_version: str | None = None) -> LiveFlow | None:
    """The flow, when it is as the plan saw it (or already at `or_version`). Raises PlanStale otherwise."""
    live = await current(context, work)
    require_planned(context, work, live, or_version=or_version)
    work.seen = live
    return live


async def before_write(context: Context, work: Work) -> LiveFlow | None:
    """The flow right before a write. Once something was sent, an outage is waited for: it says nothing about that."""
    if not work.touched:
        return await current(context, work)
    _, live = await seen(context, work, lambda _: True)
    return live


def require_planned(context: Context, work: Work, live: LiveFlow | None, *, or_version: str | None = None) -> None:
    """Raises PlanStale unless the flow is as the plan saw it, or already at `or_version`."""
    version = None if live is None else live.published_version
    if live is None and work.flow_id is not None:
        raise _stale(work, "the flow was deleted")
    if live is not None and work.flow_id is None and work.change.kind in NEW_FLOW and version is not None:
        raise _stale(work, f"somebody created the flow meanwhile, and {version} is live")
    if or_version is not None and version == or_version:
        return
    if version != work.expected_version:
        raise _stale(work, f"{version or 'nothing'} is live instead of {work.expected_version or 'nothing'}")
    if live is not None and _published_again(context, work, live):
        raise _stale(work, f"{version} was published again")


def _published_again(context: Context, work: Work, live: LiveFlow) -> bool:
    """Both moments are the organisation's own; where one of them is not told there is nothing to compare.

    The plan's comes from a listing, which tells the same as the flow only where changes can be asked for by their date.
    """
    listed = work.change.from_published_at if context.can(Capability.CHANGED_SINCE) else None
    before = listed if work.seen is None else work.seen.published_at
    return before is not None and live.published_at is not None and live.published_at - before > _SAME_MOMENT


def _stale(work: Work, what: str) -> PlanStale:
    written = "nothing more" if work.touched else "nothing"
    return PlanStale(
        f"{work.change.flow} ({work.key}): {what} since the plan was made; {written} was written to it",
        hint="make a new plan and look at it again",
    )


async def seen(
    context: Context,
    work: Work,
    wish: Callable[[LiveFlow | None], bool],
    *,
    priority: Priority = Priority.PUBLISH,
    for_s: float | None = None,
) -> tuple[bool, LiveFlow | None]:
    """Read until the flow is as wished, or until there was time enough for reads to catch up.

    Reads that fail do not count: an outage says nothing about the flow. One that lasts is raised at last.
    Returns whether it is, and the flow as it was read last.
    """
    settings = context.settings
    wait_s = settings.verify_wait_s
    looks_left = settings.verify_attempts if for_s is None else max(int(for_s / wait_s), 1) + 1
    patience_s = settings.rollback_timeout_s if priority is Priority.ROLLBACK else settings.publish_timeout_s
    give_up_at = context.clock.monotonic() + patience_s
    while True:
        try:
            live = await current(context, work, priority=priority)
        except StoreFailed:
            raise
        except READ_FAULTS:
            if context.clock.monotonic() >= give_up_at:
                raise
        else:
            if wish(live):
                return True, live
            looks_left -= 1
            if looks_left <= 0:
                return False, live
        await context.clock.sleep(wait_s)
