"""Every world that a process leaves behind when it dies: one for each event of what it does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from controller.delivery.sync_run import DeliveryEvent
from tests.delivery.site import Site

_LEAVES_NO_TRACE = frozenset({"publish.progress", "validation.deferred"})


async def deaths(
    site: Site,
    folder: Path,
    does: Callable[[Site], Awaitable[object]] = Site.deliver,
    *,
    first: Callable[[DeliveryEvent], bool] = lambda _: True,
    last: Callable[[DeliveryEvent], bool] = lambda _: False,
    every: int = 1,
) -> list[tuple[DeliveryEvent, Site]]:
    """The world at each event from `first` to `last`, or at one in `every`, while the site does this once.

    A copy of the store and of the organisation is all that a killed process leaves: each is given to a new process.
    Events that leave no trace do not count.
    """
    living = site.fork(folder / "living")
    left: list[tuple[DeliveryEvent, Site]] = []
    seen: list[DeliveryEvent] = []

    def dies(event: DeliveryEvent) -> bool:
        begun = bool(seen) or first(event)
        if begun and not any(map(last, seen)) and event.name not in _LEAVES_NO_TRACE:
            if len(seen) % every == 0:
                left.append((event, living.fork(folder / str(len(seen)))))
            seen.append(event)
        return False

    living.crash_when = dies
    await does(living)
    await living.close()
    return left
