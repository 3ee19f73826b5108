"""`penstock run` hears of a publish by hand over a notification channel, long before it would look by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from controller.simulator.serve import running
from controller.simulator.settings import SimulatorSettings
from controller.simulator.simulator import Simulator
from tests.support.service import Service
from tests.support.shell import free_port
from tests.support.sources import inbound, module
from tests.support.world import World

CHANNELS = "/api/v2/notifications/channels"
NEVER_S = "86400"
"""Longer than any test: what is noticed was not found by looking."""
LOOKED_UP = "/api/v2/flows/lookup"


class Organization:
    """A served simulator that can go away and come back at the same address."""

    def __init__(self, folder: Path) -> None:
        self._port = free_port()
        self._state = folder / "organization.json"
        self._running = ExitStack()
        self.start()

    def start(self) -> None:
        settings = SimulatorSettings(time_scale=50, rate_limit_per_minute=3000)
        simulator = Simulator(settings=settings, state_file=self._state)
        self.url = self._running.enter_context(running(simulator, port=self._port))

    def stop(self) -> None:
        self._running.close()

    def fault(self, **fields: object) -> None:
        httpx.post(f"{self.url}/_simulator/faults", json={"name": "broken", **fields}, timeout=30).raise_for_status()

    def mend(self) -> None:
        httpx.delete(f"{self.url}/_simulator/faults", timeout=30).raise_for_status()

    def blind(self) -> None:
        """What is not announced is not found by looking up what was published either."""
        self.fault(name="blind", kind="missing-field", field="entities", match={"method": "GET", "route": LOOKED_UP})

    def channels(self) -> int:
        """How many subscriptions were answered well."""
        calls = httpx.get(f"{self.url}/_simulator/calls", timeout=30).json()["calls"]
        route = f"{CHANNELS}/{{channelId}}/subscriptions"
        return sum(call["statuses"].get("200", 0) for call in calls if call["route"] == route)


@pytest.fixture
def organization(tmp_path: Path) -> Iterator[Organization]:
    made = Organization(tmp_path)
    yield made
    made.stop()


@pytest.fixture
def service(world: World, organization: Organization, tmp_path: Path) -> Iterator[Service]:
    world.describe(apiUrl=organization.url, loginUrl=organization.url)
    world.flow("front", inbound("Front", calls=["Hours"]))
    world.flow("hours", module("Hours"))
    world.commit()
    made = Service(world, organization.url, tmp_path)
    made.environment["PENSTOCK_DRIFT_INTERVAL"] = NEVER_S
    yield made
    if made.process is not None and made.process.poll() is None:
        made.process.kill()
        made.process.wait()


def passes(service: Service) -> list[str]:
    """What set each pass off, in order."""
    answer = service.get("/metrics")
    assert answer is not None
    found = re.findall(r'penstock_passes_total\{.*trigger="([^"]*)"\} (\d+)', answer.text)
    return sorted(trigger for trigger, count in found for _ in range(int(count)))


async def test_a_publish_by_hand_is_noticed_at_once_and_own_publishes_are_not(
    service: Service, organization: Organization
) -> None:
    service.start()
    service.until(lambda: organization.channels() >= 1, "the subscription")
    service.world.flow("hours", module("Hours", says="We are open"))
    service.world.commit()
    service.until(lambda: service.live() == {"Front": "2.0", "Hours": "2.0"}, "the second delivery")
    service.until(lambda: service.organization().get("message") == "sync succeeded", "its end")
    organization.blind()
    service.publish_by_hand("Front", "Ada Lovelace")

    service.until(lambda: service.organization().get("sync") == "OutOfSync", "the drift")

    assert "Ada Lovelace" in service.organization()["message"]
    assert passes(service) == ["changed by hand", "revision", "revision"]
    assert service.stop() == 0


async def test_a_channel_that_cannot_be_opened_stops_nothing_and_is_tried_again(
    service: Service, organization: Organization
) -> None:
    organization.fault(kind="missing-field", field="connectUri", match={"method": "POST", "route": CHANNELS})
    service.start()
    service.until(lambda: service.organization().get("sync") == "Synced", "the delivery")
    service.until(lambda: "channel.failed" in service.log.read_text(), "the failed channel")
    organization.mend()
    service.until(lambda: organization.channels() >= 1, "the subscription")
    organization.blind()
    service.publish_by_hand("Front", "Ada Lovelace")

    service.until(lambda: service.organization().get("sync") == "OutOfSync", "the drift")

    assert service.stop() == 0


async def test_an_organisation_that_went_away_is_listened_to_again(
    service: Service, organization: Organization
) -> None:
    service.start()
    service.until(lambda: organization.channels() >= 1, "the subscription")
    organization.stop()
    organization.start()
    service.until(lambda: organization.channels() >= 1, "the subscription at the new process")
    organization.blind()
    service.publish_by_hand("Front", "Ada Lovelace")

    service.until(lambda: service.organization().get("sync") == "OutOfSync", "the drift")

    assert service.stop() == 0
