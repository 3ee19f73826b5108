"""An organisation of any size is listened to within the limits of notification channels."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any, Self
from uuid import UUID

import httpx
import pytest
from structlog.testing import capture_logs

from controller.domain.capabilities import ARCHITECT
from controller.domain.clock import SystemClock
from controller.domain.desired import Endpoint
from controller.domain.events import FlowEvent
from controller.domain.ports import Platform
from controller.genesys.connect import connect
from controller.service.flow_events import FlowSubscription
from controller.simulator.serve import running
from controller.simulator.simulator import Simulator
from tests.support.patience import PATIENCE_S
from tests.support.sources import inbound

FLOWS = 5_000
CHANNELS = "/api/v2/notifications/channels"
SUBSCRIBED = f"{CHANNELS}/{{channelId}}/subscriptions"


@pytest.fixture
def simulator() -> Simulator:
    return Simulator()


@pytest.fixture
def url(simulator: Simulator) -> Iterator[str]:
    with running(simulator) as url:
        yield url


@pytest.fixture
async def platform(url: str) -> AsyncIterator[Platform]:
    made = connect(Endpoint(None, url, url), ARCHITECT, "penstock", "penstock-secret", clock=SystemClock())
    yield made
    await made.aclose()


class Listener:
    """Listens for as long as the block runs."""

    def __init__(self, platform: Platform, flow_ids: frozenset[str]) -> None:
        self.events: asyncio.Queue[FlowEvent] = asyncio.Queue()
        self.opened = 0
        self._listening = FlowSubscription("acme", SystemClock(), self.events.put_nowait, self._open)
        self._listening.subscribe_to(flow_ids, lambda: platform)

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._listening.run())
        return self

    def _open(self) -> None:
        self.opened += 1

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def heard(self) -> FlowEvent:
        return await asyncio.wait_for(self.events.get(), PATIENCE_S)


def ids(count: int) -> list[str]:
    return [str(UUID(int=number)) for number in range(count)]


async def control(url: str, path: str, **body: str) -> dict[str, Any]:
    async with httpx.AsyncClient(base_url=f"{url}/_simulator", timeout=30) as client:
        return dict((await client.post(path, json=body)).raise_for_status().json())


def connected(simulator: Simulator) -> list[int]:
    """How many topics each channel has that somebody is connected to."""
    channels = list(simulator.notifications.channels.values())
    return sorted(len(channel.topics) for channel in channels if channel.connection)


async def reached(simulator: Simulator, topics: list[int]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while connected(simulator) != topics:
            await SystemClock().sleep(0.02)


async def test_five_thousand_flows_are_heard_over_five_channels(
    simulator: Simulator, url: str, platform: Platform
) -> None:
    wanted = (await control(url, "/flows", text=inbound("Front")))["id"]
    async with Listener(platform, frozenset([*ids(FLOWS - 1), wanted])) as listener:
        await reached(simulator, [1_000] * 5)
        assert simulator.calls.count("PUT", SUBSCRIBED, 200) == simulator.calls.count("POST", CHANNELS, 200) == 5
        await control(url, f"/flows/{wanted}/publish", by="Ada Lovelace")
        assert (await listener.heard()).flow_id == wanted
    assert simulator.calls.count() == 11, "one token, and two calls for each channel"


async def test_more_flows_than_ten_channels_hold_are_polled(simulator: Simulator, platform: Platform) -> None:
    with capture_logs() as logs:
        async with Listener(platform, frozenset(ids(10_001))):
            await reached(simulator, [1_000] * 10)
    [told] = [entry for entry in logs if entry["event"] == "channel.too-many-flows"]
    assert (told["subscribed"], told["polled"]) == (10_000, 1)


async def test_a_channel_that_is_about_to_be_closed_is_left_at_once(
    simulator: Simulator, url: str, platform: Platform
) -> None:
    wanted = (await control(url, "/flows", text=inbound("Front")))["id"]
    async with Listener(platform, frozenset([wanted])) as listener:
        await reached(simulator, [1])
        assert await control(url, "/channels/close") == {"connections": 1}
        async with asyncio.timeout(PATIENCE_S):
            while simulator.calls.count("POST", CHANNELS) < 2:
                await SystemClock().sleep(0.02)
        await reached(simulator, [1])
        await control(url, f"/flows/{wanted}/publish", by="Ada Lovelace")
        assert (await listener.heard()).flow_id == wanted
        assert listener.opened == 2, "what happened between the two was not announced"
