"""An organisation that is suspended or only observed is not written to, whatever was begun before."""

from __future__ import annotations

import pytest

from controller.domain.errors.delivery import SyncSuspended
from controller.domain.status import Health
from tests.support.dialects import BOTH
from tests.support.played_once import played_once
from tests.support.sources import inbound, module
from tests.support.world import Crash, Recording, World

NOT_NOW = [{"suspend": True}, {"sync": {"mode": "observe"}}]


pytestmark = BOTH


@played_once
async def interrupted(world: World) -> None:
    """The process died when `hours` had gone live, before `desk`, which calls it, was begun."""
    world.flow("hours", module("Hours"))
    world.flow("desk", inbound("Desk", calls=["Hours"]), rollout={"bake": "5m"})
    world.commit()
    with pytest.raises(Crash):
        await world.apply(Recording(lambda event: event.name == "change.baking" and event.flow == "desk"))
    await world.restart()


@played_once
async def changed(world: World) -> None:
    """That delivery was brought to its end, and another one of `hours` followed."""
    await interrupted(world)
    assert (await world.apply()).delivered
    world.flow("hours", module("Hours", says="Second"))
    world.commit()
    assert (await world.apply()).delivered


def writes(world: World) -> int:
    calls = world.simulator.calls.report()["calls"]
    return sum(call["count"] for call in calls if call["method"] != "GET" and "/oauth/" not in call["route"])


@pytest.mark.parametrize("spec", NOT_NOW, ids=["suspended", "observed"])
async def test_a_delivery_that_was_begun_is_told_and_left_alone_until_writing_is_allowed(
    world: World, spec: dict[str, object]
) -> None:
    await interrupted(world)
    world.describe(**spec)
    world.commit()
    before = writes(world)

    refused = await world.apply()

    assert isinstance(refused.error, SyncSuspended)
    assert "delivery 1 (hours is healthy, desk is baking)" in refused.error.message
    assert writes(world) == before
    status = world.status(await world.plan())
    (desk,) = (flow for flow in status.flows if flow.flow == "desk")
    assert desk.health in (Health.PROGRESSING, Health.SUSPENDED)
    assert "baking since" in desk.message
    world.describe()
    world.commit()
    assert (await world.apply()).delivered
    assert world.publishes() == ["commonmodule/Hours", "inboundcall/Desk"]
    await world.assert_settled()


@pytest.mark.parametrize("spec", [*NOT_NOW, {}], ids=["suspended", "observed", "flow-suspended"])
async def test_a_person_may_roll_a_flow_back_all_the_same(world: World, spec: dict[str, object]) -> None:
    await changed(world)
    world.describe(**spec)
    if not spec:
        world.flow("hours", module("Hours", says="Second"), suspend=True)
    world.commit()

    report = await world.rollback("hours")

    assert report.error is None
    assert world.live("commonmodule", "Hours") == "1.0"
