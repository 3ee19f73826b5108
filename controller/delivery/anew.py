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
from controller.domain.live import LiveFlow
from controller.domain.platform import Priority

_LIVE, _BEFORE = "live_before", "published_before"


async def before_it(
    context: Context, work: Work, version: str, *, priority: Priority = Priority.PUBLISH
) -> Mapping[str, str]:
    """For the intent of a write: that the version is live already, and when it was published last. One call then."""
    if version not in (work.record.previous_version, work.record.live_version):
        return {}
    live = await current(context, work, priority=priority)
    if live is None or not is_version(live, version):
        return {}
    return {_LIVE: version} | ({_BEFORE: live.published_at.isoformat()} if live.published_at is not None else {})


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
