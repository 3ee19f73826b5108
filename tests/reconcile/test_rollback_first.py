"""A rollback that a person asks for waits for no other call of this process, from its first look on."""

from __future__ import annotations

import asyncio
import math

import pytest

from controller.delivery.sync_run import DeliveryEvent
from controller.domain.ports import Platform
from controller.genesys.budget import WINDOW_S
from controller.reconcile.pass_ import Mode
from controller.reconcile.workspace import open_folder
from tests.reconcile.scenes import two_versions_live
from tests.support.dialects import BOTH
from tests.support.sources import inbound
from tests.support.stores import prepare
from tests.support.world import ORGANIZATION, Recording, World

LIMIT, OTHERS = 200, 180
"""Requests a minute, and how many of them are not left for people and rollbacks."""


class RolledBack(Recording):
    """When the live flow showed it; only the export for the record may take its time."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self.at_s = math.inf

    def progressed(self, event: DeliveryEvent) -> None:
        super().progressed(event)
        if event.name == "change.rolled-back":
            self.at_s = self._world.clock.elapsed_s


def connection(world: World) -> Platform:
    organization = open_folder(world.clone, world.settings).organization(ORGANIZATION)
    return world.services.platform(organization)


@BOTH
@pytest.mark.parametrize("store", ["known", "new"])
async def test_it_is_done_while_all_others_wait_for_the_budget(world: World, store: str) -> None:
    """Also with a store that does not know yet which organisation it is, as on a colleague's machine."""
    await two_versions_live(world)
    prepare(world.folder / "new.db")
    url = world.settings.store if store == "known" else f"sqlite:///{world.folder / 'new.db'}"
    world.settings = world.settings.model_copy(update={"rate_limit": LIMIT, "store": url})
    await world.restart()
    platform = connection(world)
    await asyncio.gather(*(platform.flows.listing(fresh=True) for _ in range(OTHERS)))
    waiting = [asyncio.create_task(platform.versions.references(str(number), "1.0")) for number in range(5)]
    began_s, rolled_back = world.clock.elapsed_s, RolledBack(world)

    report = await world._pass(Mode.ROLLBACK, rolled_back, flow="front", version="1.0", actor="ada")

    assert report.error is None
    assert world.live("inboundcall", "Front") == "1.0"
    assert rolled_back.at_s - began_s < WINDOW_S / 2
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_it_looks_at_nothing_that_only_a_plan_needs(world: World) -> None:
    """Neither who made what else, nor what other flows refer to: that would cost the calls that it needs itself."""
    await two_versions_live(world, desk=inbound("Desk"), aside=inbound("Aside"))
    await world.plan()
    for name in ("Desk", "Aside"):
        world.by_hand("publish", "inboundcall", name, inbound(name, says="By hand"))
    world.simulator.calls.clear()

    assert (await world.rollback("front")).error is None

    calls = [(call.method, call.route) for call in world.simulator.calls.log()]
    assert calls[:2] == [("GET", "/api/v2/flows"), ("GET", "/api/v2/flows/{flowId}/versions")]
    assert not any("history" in route for _, route in calls)
