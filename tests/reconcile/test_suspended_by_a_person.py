"""A person's suspension stops what is new, and neither the end of what has begun nor a way back."""

from __future__ import annotations

import pytest

from controller.domain.errors.delivery import SyncSuspended
from controller.planning.guard import Confirmations
from tests.support.dialects import BOTH
from tests.support.sources import inbound
from tests.support.world import ORGANIZATION, Crash, Recording, World

pytestmark = BOTH


def suspend(world: World) -> None:
    world.services.store.suspensions.suspend(ORGANIZATION, by="ada", reason="an incident")


async def delivered_twice(world: World) -> World:
    world.flow("desk", inbound("Desk"))
    world.commit()
    assert (await world.apply()).delivered
    world.flow("desk", inbound("Desk", says="Good evening"))
    world.commit()
    assert (await world.apply()).delivered
    return world


async def test_nothing_new_is_delivered_and_the_plan_says_who_suspended_it_and_why(world: World) -> None:
    world.flow("desk", inbound("Desk"))
    world.commit()
    suspend(world)
    refused = await world.apply(confirmations=Confirmations(force=True, ignore_windows=True))
    assert isinstance(refused.error, SyncSuspended)
    assert world.publishes() == []
    (held_back,) = world.status(await world.plan()).held_back
    assert (held_back.flow, held_back.code) == (None, "sync-suspended")
    assert held_back.message.startswith(f"{ORGANIZATION}: ada suspended it at 2026-01-05 12:00 UTC: an incident")
    world.services.store.suspensions.resume(ORGANIZATION, by="bob", reason="it is over")
    assert (await world.apply()).delivered


async def test_a_delivery_that_has_begun_is_finished(world: World) -> None:
    world.flow("desk", inbound("Desk"), rollout={"bake": "5m"})
    world.commit()
    with pytest.raises(Crash):
        await world.apply(Recording(lambda event: event.name == "change.baking"))
    await world.restart()
    suspend(world)
    finished = await world.apply()
    assert len(finished.recovered) == 1
    assert finished.error is None
    await world.assert_settled()


async def test_a_rollback_is_possible(world: World) -> None:
    await delivered_twice(world)
    before = world.live("inboundcall", "Desk")
    suspend(world)
    report = await world.rollback("desk")
    assert report.error is None
    assert world.live("inboundcall", "Desk") != before
