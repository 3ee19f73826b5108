"""What the tests of this folder ask for more than once."""

from __future__ import annotations

from tests.support.sources import inbound
from tests.support.world import World


async def ask_for_a_bake(world: World) -> None:
    """`desk` is live, and a new version of it that bakes for ten minutes is asked for."""
    world.flow("desk", inbound("Desk"))
    world.commit()
    assert (await world.apply()).delivered
    world.flow("desk", inbound("Desk", says="New"), rollout={"bake": "10m"})
    world.commit()
