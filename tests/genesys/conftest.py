"""A real client in front of a real simulator, in one process and in simulated time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from controller.domain.capabilities import ARCHITECT, VERSIONED
from controller.domain.desired import Endpoint
from controller.genesys.connect import ArchitectPlatform, VersionedPlatform, connect
from controller.genesys.settings import TransportSettings
from controller.simulator.app import create_app
from controller.simulator.simulator import Simulator
from tests.genesys.hands import URL, Hands
from tests.support.clock import SteppedClock

ENDPOINT = Endpoint(None, URL, URL)
Connect = Callable[..., ArchitectPlatform]


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def simulator(clock: SteppedClock) -> Simulator:
    return Simulator(clock)


@pytest.fixture
def hands(simulator: Simulator) -> Hands:
    """A person in Architect."""
    return Hands(simulator)


@pytest.fixture
async def open_organization(simulator: Simulator, clock: SteppedClock) -> AsyncIterator[Connect]:
    """Opens the simulated organisation through the real client of the architect dialect."""
    opened: list[ArchitectPlatform] = []

    def open_one(client: str = "penstock", **settings: float) -> ArchitectPlatform:
        platform = connect(
            ENDPOINT,
            ARCHITECT,
            client,
            f"{client}-secret",
            clock=clock,
            settings=TransportSettings(**settings),  # type: ignore[arg-type]
            http=httpx.ASGITransport(app=create_app(simulator)),
        )
        assert isinstance(platform, ArchitectPlatform)
        opened.append(platform)
        return platform

    yield open_one
    for platform in opened:
        await platform.aclose()


@pytest.fixture
async def versioned(simulator: Simulator, clock: SteppedClock) -> AsyncIterator[VersionedPlatform]:
    """The simulated organisation through the real client of the versioned dialect."""
    platform = connect(
        ENDPOINT,
        VERSIONED,
        "penstock",
        "penstock-secret",
        clock=clock,
        http=httpx.ASGITransport(app=create_app(simulator)),
    )
    assert isinstance(platform, VersionedPlatform)
    yield platform
    await platform.aclose()


@pytest.fixture
def organization(open_organization: Connect) -> ArchitectPlatform:
    """The simulated organisation through the real client, with default settings."""
    return open_organization()
