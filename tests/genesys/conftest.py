"""A real client in front of a real simulator, in one process and in simulated time."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from controller.domain.capabilities import ARCHITECT
from controller.domain.desired import Endpoint
from controller.genesys.architect.platform import ArchitectPlatform
from controller.genesys.connect import connect
from controller.simulator.app import create_app
from controller.simulator.simulator import Simulator
from tests.support.clock import SteppedClock

URL = "http://simulator.test"
ENDPOINT = Endpoint(None, URL, URL)


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def simulator(clock: SteppedClock) -> Simulator:
    return Simulator(clock)


@pytest.fixture
async def organization(simulator: Simulator, clock: SteppedClock) -> AsyncIterator[ArchitectPlatform]:
    """The simulated organisation through the real client of the architect dialect."""
    platform = connect(
        ENDPOINT,
        ARCHITECT,
        "penstock",
        "penstock-secret",
        clock=clock,
        http=httpx.ASGITransport(app=create_app(simulator)),
    )
    assert isinstance(platform, ArchitectPlatform)
    yield platform
    await platform.aclose()
