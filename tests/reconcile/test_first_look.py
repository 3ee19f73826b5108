"""The first look at an organisation reads every version, and tells how far it is; the next one reads none."""

from __future__ import annotations

from tests.support.sources import inbound, module
from tests.support.world import Recording, World


async def test_a_first_look_is_told_and_the_next_one_asks_for_nothing_again(world: World) -> None:
    world.flow("hours", module("Hours"))
    world.flow("front", inbound("Front", calls=["Hours"]))
    world.commit()
    world.publish_all_by_hand()
    first, second = Recording(), Recording()

    await world.apply(first)
    await world.apply(second)

    assert first.looks == [(1, 2), (2, 2)]
    assert second.looks == []
    await world.assert_settled()
