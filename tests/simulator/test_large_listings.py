"""What a listing with definitions costs the simulator grows with its flows, and no faster."""

from __future__ import annotations

from datetime import UTC, datetime

from controller.flows.flow_file import parse
from controller.simulator.content import read
from controller.simulator.flow import Actor
from controller.simulator.organization import SimulatedOrganization
from controller.simulator.settings import SimulatorSettings
from controller.simulator.versioned.views import flow as shown
from tests.support.sources import bot

FLOWS = 2_500
NOW = datetime(2026, 1, 5, tzinfo=UTC)


def test_a_second_listing_parses_no_content_however_many_flows_there_are() -> None:
    organization = SimulatedOrganization(SimulatorSettings())
    ada = Actor("1", "Ada")
    for number in range(FLOWS):
        text = bot(f"Large listing {number}")
        organization.add_version(organization.create(parse(text).key, ada, NOW), text, ada, NOW)

    def read_by_a_listing() -> int:
        before = read.cache_info()
        assert all(shown(organization, each)["definition"] for each in organization.flows())
        after = read.cache_info()
        return after.hits + after.misses - before.hits - before.misses

    assert read_by_a_listing() >= FLOWS
    assert read_by_a_listing() == 0
