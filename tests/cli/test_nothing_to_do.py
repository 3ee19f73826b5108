"""What `penstock apply` says where there is nothing to deliver: `in sync` only where that is so."""

from __future__ import annotations

import pytest

from controller.cli.apply_output import apply_text
from tests.support.sources import inbound, module
from tests.support.world import World


@pytest.fixture
async def world(world: World) -> World:
    world.flow("front", inbound("Front"))
    world.flow("hours", module("Hours"))
    world.commit()
    assert (await world.apply()).delivered
    return world


async def test_all_is_as_git_asks(world: World) -> None:
    assert apply_text([await world.apply()]) == "acme: in sync, nothing to do"


async def test_a_flow_without_its_manifest_is_not_in_sync(world: World) -> None:
    world.remove("front")
    world.commit()

    assert apply_text([await world.apply()]) == "acme: nothing to do, but not in sync: see penstock status"


async def test_a_flow_that_is_left_alone_may_be_anything(world: World) -> None:
    world.flow("front", inbound("Front", says="New"), suspend=True)
    world.commit()

    assert apply_text([await world.apply()]) == "acme: nothing to do, apart from suspended flows"
