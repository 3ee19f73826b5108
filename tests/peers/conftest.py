"""One organisation, and Genesys' provider for Terraform as far as its calls go."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from controller.simulator.app import create_app
from controller.simulator.simulator import Simulator
from tests.peers.provider import Provider
from tests.support.clock import SteppedClock
from tests.support.world import URL, World


@pytest.fixture
def simulator() -> Simulator:
    """An empty organisation in the test's own process."""
    return Simulator(SteppedClock())


@pytest.fixture
async def provider(simulator: Simulator) -> AsyncIterator[Provider]:
    """Configured, and with every permission."""
    transport = httpx.ASGITransport(app=create_app(simulator))
    async with httpx.AsyncClient(transport=transport, base_url=URL) as http:
        made = Provider(http, simulator.clock)
        await made.configure()
        yield made


@pytest.fixture
async def beside(world: World) -> AsyncIterator[Provider]:
    """The same provider on the organisation to which Penstock delivers."""
    async with httpx.AsyncClient(transport=world.http, base_url=URL) as http:
        made = Provider(http, world.clock)
        await made.configure()
        yield made
