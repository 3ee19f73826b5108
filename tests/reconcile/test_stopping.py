"""Being told to stop outside of a delivery: looks are given up, and nothing new begins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from controller.delivery.sync_run import DeliveryEvent
from controller.domain.errors.process import Interrupted
from controller.reconcile.loop import run_pass
from controller.reconcile.pass_ import Mode, PassRequest
from controller.reconcile.workspace import Workspace, open_folder
from tests.support.sources import inbound
from tests.support.world import ORGANIZATION, Recording, World


def after(world: World, seconds: float) -> Callable[[], bool]:
    """Whether so much time has passed on the clock since now."""
    due_s = world.clock.elapsed_s + seconds
    return lambda: world.clock.elapsed_s >= due_s


def syncs(world: World) -> int:
    return len(world.services.store.journal.history(ORGANIZATION))


async def test_a_long_first_look_is_given_up_at_once_and_nothing_is_written(world: World) -> None:
    world.flow("desk", inbound("Desk"))
    world.publish_all_by_hand()
    world.commit()
    world.simulator.configure(replace(world.simulator.settings, export_s=80))

    report = await world.apply(stopping=after(world, 10))

    assert isinstance(report.error, Interrupted)
    assert world.clock.elapsed_s <= 11
    assert (report.plan, syncs(world)) == (None, 0)
    assert world.services.store.leases.holder(ORGANIZATION) is None
    assert (await world.apply()).delivered
    await world.assert_settled()


async def test_a_pass_that_was_told_before_it_began_does_not_even_look(world: World) -> None:
    world.flow("desk", inbound("Desk"))
    world.commit()

    report = await world.apply(stopping=lambda: True)

    assert isinstance(report.error, Interrupted)
    assert report.error.message == "acme: interrupted before any change started"
    assert world.simulator.calls.count() == 0
    assert syncs(world) == 0


async def test_what_is_only_looked_at_is_given_up_as_well(world: World) -> None:
    world.flow("desk", inbound("Desk"))
    world.publish_all_by_hand()
    world.commit()
    world.simulator.configure(replace(world.simulator.settings, export_s=80))

    async def source() -> Workspace:
        return open_folder(world.clone, world.settings)

    request = PassRequest(ORGANIZATION, Mode.PLAN)
    report = await run_pass(request, world.services, source, stopping=after(world, 10))

    assert isinstance(report.error, Interrupted)
    assert world.clock.elapsed_s <= 11


@pytest.mark.parametrize("stopped_s", [5.0, 100.0])
async def test_what_an_earlier_pass_left_open_is_parked_again_and_nothing_new_begins(
    world: World, stopped_s: float
) -> None:
    """The bake goes on for the rest of its time in the pass after that."""
    world.flow("desk", inbound("Desk"), rollout={"bake": "1h"})
    world.flow("front", inbound("Front"), dependsOn=["desk"])
    world.commit()
    word = Recording()
    await world.apply(word, stopping=lambda: "change.baking" in [event.name for event in word.events])
    await world.restart()

    report = await world.apply(stopping=after(world, stopped_s))

    assert isinstance(report.error, Interrupted)
    assert report.recovered == ("desk: baking", "front: skipped")
    assert world.clock.elapsed_s <= 10 + stopped_s
    assert world.publishes() == ["inboundcall/Desk"]
    await world.restart()
    assert (await world.apply()).delivered
    assert world.publishes() == ["inboundcall/Desk", "inboundcall/Front"]
    await world.assert_settled()


async def test_the_word_between_the_look_and_the_delivery_keeps_it_from_beginning(world: World) -> None:
    world.flow("desk", inbound("Desk"))
    world.commit()
    word = Recording()

    report = await world.apply(word, stopping=lambda: bool(word.plans))

    assert isinstance(report.error, Interrupted)
    assert syncs(world) == 0
    assert world.publishes() == []


async def test_what_was_delivered_when_the_word_came_is_recorded(world: World) -> None:
    world.flow("desk", inbound("Desk"))
    world.commit()
    told: list[str] = []

    def hear(event: DeliveryEvent) -> bool:
        told.append(event.name)
        return False

    report = await world.apply(Recording(hear), stopping=lambda: "sync.finished" in told)

    assert report.delivered
    await world.assert_settled()
