"""Did it really happen? A 200 and a finished operation prove nothing; only the flow's published version does."""

from __future__ import annotations

from controller.delivery.context import Context
from controller.delivery.reading import seen
from controller.delivery.work import Work
from controller.domain.errors import PublishFailed
from controller.domain.identity import version_rank
from controller.domain.live import LiveFlow
from controller.domain.platform import Priority


def is_newer(live: LiveFlow | None, than: str | None) -> bool:
    """Whether something is published that came after the given version."""
    if live is None or live.published_version is None:
        return False
    return than is None or version_rank(live.published_version) > version_rank(than)


async def newer(context: Context, work: Work, than: str | None, *, priority: Priority = Priority.PUBLISH) -> LiveFlow:
    """The flow with a version that came after the given one. Raises PublishFailed when there is none."""
    moved, live = await seen(context, work, lambda flow: is_newer(flow, than), priority=priority)
    if not moved or live is None:
        found = None if live is None else live.published_version
        raise PublishFailed(
            f"{work.change.flow} ({work.key}): the organisation reported success, but {found or 'nothing'} is live "
            f"and not a version after {than or 'none'}",
            hint="look at the flow's history in Architect",
        )
    return live


async def exactly(context: Context, work: Work, version: str, *, priority: Priority = Priority.PUBLISH) -> LiveFlow:
    """The flow with just this version published. Raises PublishFailed when another one is live."""
    reached, live = await seen(context, work, lambda flow: is_version(flow, version), priority=priority)
    if not reached or live is None:
        found = None if live is None else live.published_version
        raise PublishFailed(
            f"{work.change.flow} ({work.key}): the organisation reported success, but {found or 'nothing'} is live "
            f"instead of {version}",
            hint="look at the flow's history in Architect",
        )
    return live


def is_version(live: LiveFlow | None, version: str) -> bool:
    return live is not None and live.published_version == version
