"""What the tests of this folder ask for more than once."""

from __future__ import annotations

from tests.support.sources import inbound
from tests.support.world import World


async def ask_for_a_bake(world: World) -> None:
    """`desk` is live, and a new version of it that bakes for ten minutes is asked for."""
    world.flow("desk", inbound("Desk"))
    world.commit()
    assert (await world.apply()).delivered
    ask_for_another_bake(world, "New")


def ask_for_another_bake(world: World, says: str) -> None:
    """The same for one more version."""
    world.flow("desk", inbound("Desk", says=says), rollout={"bake": "10m"})
    world.commit()
