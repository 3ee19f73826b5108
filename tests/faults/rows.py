"""Rows of a table that are played one after the other in one world."""

from __future__ import annotations

from tests.faults.outcome import Watched
from tests.support.world import World


async def begin_row(world: World) -> Watched:
    """A minute later: a new process over the same store, and no fault; the row's calls are noted."""
    world.simulator.faults.clear()
    world.clock.advance(60)
    watched = world.http if isinstance(world.http, Watched) else Watched(world.http)
    watched.hosts.clear()
    world.http = watched  # type: ignore[assignment]
    await world.restart()
    return watched
