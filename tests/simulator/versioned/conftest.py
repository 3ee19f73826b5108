"""The versioned dialect of the simulated organisation, by hand over HTTP and through the real client."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from controller.domain.capabilities import VERSIONED
from controller.domain.desired import Endpoint
from controller.genesys.connect import VersionedPlatform, connect
from controller.simulator.simulator import Simulator
from tests.simulator.versioned.deeds import URL, make, new_version
from tests.support.clock import SteppedClock


@pytest.fixture
async def platform(transport: httpx.ASGITransport, clock: SteppedClock) -> AsyncIterator[VersionedPlatform]:
    """The real client."""
    endpoint = Endpoint(None, URL, URL)
    opened = connect(endpoint, VERSIONED, "penstock", "penstock-secret", clock=clock, http=transport)
    assert isinstance(opened, VersionedPlatform)
    yield opened
    await opened.aclose()


@pytest.fixture
async def line(api: httpx.AsyncClient) -> str:
    """The id of a flow given as a definition, live at 1.0, with 2.0 not published yet."""
    flow_id = str((await make(api, "Line"))["id"])
    await new_version(api, flow_id, greeting="Good evening")
    return flow_id


@pytest.fixture
def main(simulator: Simulator) -> str:
    """The id of the flow that calls a module and transfers to another flow; it came from Archy."""
    return simulator.flow("inboundcall", "Main IVR").id
