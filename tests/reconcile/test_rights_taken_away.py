"""A client that may not do what a delivery needs says nothing about content: with the right back, it is delivered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controller.domain.capabilities import ARCHITECT, VERSIONED
from controller.genesys.permissions import PERMISSIONS
from controller.simulator.settings import SimulatedClient
from tests.support.dialects import BOTH
from tests.support.sources import inbound, module
from tests.support.world import SECRET, World

WRITE = {
    ARCHITECT: "POST /api/v2/flows/jobs",
    VERSIONED: "POST /api/v2/flows/{flowId}/versions/{versionId}/publish",
}


pytestmark = BOTH


@pytest.fixture
async def world(world: World) -> World:
    world.flow("hours", module("Hours"))
    world.flow("desk", inbound("Desk", calls=["Hours"]))
    world.flow("alone", inbound("Alone"))
    world.commit()
    return world


def may(world: World, *, publish: bool) -> None:
    every = frozenset(permission for route in PERMISSIONS[world.dialect].values() for permission in route)
    granted = every if publish else every - set(PERMISSIONS[world.dialect][WRITE[world.dialect]])
    world.simulator.clients["penstock"] = replace(SimulatedClient("penstock", SECRET), permissions=granted)
    world.simulator.tokens.expire_all(world.clock.now())


async def test_nothing_is_taken_back_or_quarantined_and_the_next_pass_delivers(world: World) -> None:
    may(world, publish=True)
    assert (await world.apply()).delivered
    before = world.publishes()
    world.flow("hours", module("Hours", says="We are open"))
    world.flow("desk", inbound("Desk", says="New", calls=["Hours"]))
    world.commit()
    may(world, publish=False)

    refused = await world.apply()

    errors = {step.error.code for step in refused.result.steps if step.error}
    assert errors == {"permission-missing"}
    assert world.publishes() == before
    assert world.services.store.quarantines.active("acme") == ()
    may(world, publish=True)
    assert (await world.apply()).delivered
    await world.assert_settled()
