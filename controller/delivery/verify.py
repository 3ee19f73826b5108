"""Did it really happen? A 200 and a finished operation prove nothing; only the flow's published version does."""

from __future__ import annotations

from collections.abc import Callable

from controller.delivery.context import Context
from controller.delivery.poll import outlasted
from controller.delivery.reading import seen
from controller.delivery.work import Work
from controller.domain.errors import NotFound, PlanStale, PublishFailed
from controller.domain.identity import version_rank
from controller.domain.live import LiveFlow
from controller.domain.platform import Priority


def is_newer(live: LiveFlow | None, than: str | None) -> bool:
    """Whether something is published that came after the given version."""
    if live is None or live.published_version is None:
        return False
    return than is None or version_rank(live.published_version) > version_rank(than)


async def newer(context: Context, work: Work, than: str | None, *, priority: Priority = Priority.PUBLISH) -> LiveFlow:
    """The flow with a version that came after the given one. Raises as `exactly` does."""
    wish = f"and not a version after {than or 'none'}"
    return await _verified(context, work, lambda flow: is_newer(flow, than), wish, priority)


async def exactly(context: Context, work: Work, version: str, *, priority: Priority = Priority.PUBLISH) -> LiveFlow:
    """The flow with just this version published.

    Raises PublishFailed when another one is live, and NotFound while a flow that cannot be seen may only not be seen
    yet; PlanStale when it is gone.
    """
    return await _verified(context, work, lambda flow: is_version(flow, version), f"instead of {version}", priority)


async def _verified(
    context: Context, work: Work, reached: Callable[[LiveFlow | None], bool], wish: str, priority: Priority
) -> LiveFlow:
    for_s = None if priority is Priority.ROLLBACK else context.settings.lost_answer_grace_s
    moved, live = await seen(context, work, reached, priority=priority, for_s=for_s)
    if moved and live is not None:
        return live
    if live is None and priority is not Priority.ROLLBACK:
        if outlasted(context, work):
            require_there(work, live)
        raise NotFound(f"{work.change.flow} ({work.key}): the flow is not found after its publish", status=404)
    found = None if live is None else live.published_version
    raise PublishFailed(
        f"{work.change.flow} ({work.key}): the organisation reported success, but {found or 'nothing'} is live {wish}",
        hint="look at the flow's history in Architect",
    )


def require_there(work: Work, live: LiveFlow | None) -> None:
    """Raises PlanStale when a flow that was there before is gone, although there was time enough for it to be seen."""
    if live is None and work.record.previous_version is not None:
        raise PlanStale(
            f"{work.change.flow} ({work.key}): somebody deleted the flow while it was published",
            hint="make a new plan and look at it again",
        )


def is_version(live: LiveFlow | None, version: str) -> bool:
    return live is not None and live.published_version == version
