"""A story that is played once ends the same in every world, whatever each of them goes on with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reconcile.scenes import live
from tests.support.sources import inbound
from tests.support.world import World


async def test_what_a_world_goes_on_with_is_seen_in_no_other(world: World, tmp_path: Path) -> None:
    await live(world, desk=inbound("Desk"))
    world.flow("desk", inbound("Desk", says="Second"))
    world.commit()
    assert (await world.apply()).delivered

    (tmp_path / "other").mkdir()
    other = World(tmp_path / "other")
    await live(other, desk=inbound("Desk"))

    assert (world.versions(), other.versions()) == ({"inboundcall/Desk": "2.0"}, {"inboundcall/Desk": "1.0"})
    await other.assert_settled()
    await other.close()


async def test_it_is_refused_where_something_happened_before(world: World) -> None:
    world.flow("front", inbound("Front"))
    with pytest.raises(ValueError, match="live is what a world begins with"):
        await live(world, desk=inbound("Desk"))
