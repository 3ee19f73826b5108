"""Which versions a flow is bound to: those of the modules and bots that were live when it was published."""

from __future__ import annotations

from collections.abc import Mapping

from controller.delivery.context import Context
from controller.delivery.restore import PREFIX
from controller.delivery.work import Work
from controller.domain.errors import LeaseLost, PenstockError, StoreFailed
from controller.domain.identity import FlowKey
from controller.domain.platform import Capability, Priority


async def bindings_now(context: Context, work: Work, *, priority: Priority = Priority.OBSERVE) -> Mapping[FlowKey, str]:
    """What a flow is bound to that was published just now: this sync's own versions, and what is live of all others."""
    mine = {other.key: other.record.live_version for other in context.works if other is not work}
    consumed: dict[FlowKey, str] = {}
    for key in work.record.consumes:
        version = mine.get(key) or await _published_version(context, work, key, priority)
        if version is not None:
            consumed[key] = version
    return consumed


async def bindings_again(context: Context, work: Work, version: str | None) -> Mapping[FlowKey, str]:
    """What a flow is bound to that was brought back to a version."""
    if version is None:
        return {}
    if came_back_bound_anew(context, work):
        return await bindings_now(context, work, priority=Priority.ROLLBACK)
    earlier = context.store.journal.delivered(context.organization.name, work.key, version)
    return {} if earlier is None else earlier.consumed


def came_back_bound_anew(context: Context, work: Work) -> bool:
    """Whether the way back was a publish, which binds anew: an atomic switch leaves the version as it was published."""
    published, switched = f"{PREFIX}publish", f"{PREFIX}switch"
    ways = [write.action for write in work.record.writes if write.action in (published, switched)]
    return ways[-1:] == [published] or not context.can(Capability.ATOMIC_SWITCH)


async def _published_version(context: Context, work: Work, key: FlowKey, priority: Priority) -> str | None:
    """A version that cannot be read is left out: that is no reason to take a healthy flow back."""
    try:
        found = await context.platform.at(priority).flows.find(key)
    except (LeaseLost, StoreFailed):
        raise
    except PenstockError as error:
        context.note(work, f"the version of {key} that it is bound to could not be read: {error.message}")
        return None
    return None if found is None else found.published_version
