"""A listing that lags behind deletes nothing and moves nothing: what is in doubt is read by id, once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controller.domain.capabilities import ARCHITECT, VERSIONED
from tests.reconcile.scenes import live
from tests.support.sources import inbound
from tests.support.world import World

FLOW = "GET /api/v2/flows/{flowId}"


def lag(world: World, seconds: float) -> None:
    world.simulator.configure(replace(world.simulator.settings, listing_lag_s=seconds))


@pytest.mark.parametrize("world", [ARCHITECT], indirect=True)
async def test_a_new_flow_that_the_listing_does_not_show_yet_is_neither_missing_nor_made_again(world: World) -> None:
    lag(world, 40)
    world.flow("desk", inbound("Desk"))
    world.commit()
    assert (await world.apply()).delivered

    report = await world.plan()

    plan = report.plan_or_raise()
    assert (plan.empty, plan.drift) == (True, ())
    assert (await world.apply()).delivered
    assert world.publishes() == ["inboundcall/Desk"]


@pytest.mark.parametrize("heal", [False, True])
@pytest.mark.parametrize("world", [ARCHITECT, VERSIONED], indirect=True)
async def test_a_version_that_the_listing_does_not_show_yet_is_no_drift(world: World, heal: bool) -> None:
    await live(world, desk=inbound("Desk"))
    world.clock.advance(100)
    lag(world, 60)
    world.describe(sync={"heal": heal})
    world.flow("desk", inbound("Desk", says="Second"))
    world.commit()
    assert (await world.apply()).delivered
    before = world.publishes()

    report = await world.plan()

    plan = report.plan_or_raise()
    assert (plan.empty, plan.drift) == (True, ())
    assert (await world.apply()).delivered
    assert world.publishes() == before


@pytest.mark.parametrize("world", [ARCHITECT], indirect=True)
async def test_a_flow_that_is_gone_by_its_id_as_well_is_missing(world: World) -> None:
    await live(world, desk=inbound("Desk"))
    world.by_hand("delete", "inboundcall", "Desk")

    plan = (await world.plan()).plan_or_raise()

    assert [(each.kind, each.flow) for each in plan.drift] == [("missing", "desk")]
    assert [change.kind.value for change in plan.actions] == ["create"]


@pytest.mark.parametrize("world", [ARCHITECT], indirect=True)
async def test_the_orphan_of_a_flow_that_is_not_listed_yet_is_not_taken_for_gone(world: World) -> None:
    lag(world, 40)
    world.flow("desk", inbound("Desk"))
    world.flow("front", inbound("Front"))
    world.commit()
    assert (await world.apply()).delivered
    world.remove("desk")
    world.commit()

    plan = (await world.plan()).plan_or_raise()

    assert [(each.kind, each.flow) for each in plan.drift] == [("orphaned", "desk")]
