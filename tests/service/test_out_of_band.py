"""Which announcements were somebody else's doing: decided by the versions that the last pass left behind."""

from __future__ import annotations

import pytest

from controller.domain.events import FlowEvent
from controller.service.out_of_band import REASON, OutOfBandChanges
from tests.support.played_once import played_once
from tests.support.sources import inbound, module
from tests.support.world import World


class Heard:
    """The changes that were told, and the world's flows by name."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.told: list[str] = []
        self.changes = OutOfBandChanges("acme", world.services.store.journal, self.told.append)

    async def deliver(self) -> None:
        self.changes.pass_begins()
        self.changes.pass_ended(await self.world.apply())

    def event(self, name: str, version: str | None, *, deleted: bool = False) -> FlowEvent:
        flow_type = "commonmodule" if name == "Hours" else "inboundcall"
        return FlowEvent(self.world.simulator.flow(flow_type, name).id, version, "PUBLISH", "SUCCESS", deleted=deleted)


@played_once
async def delivered(world: World) -> None:
    world.flow("front", inbound("Front", calls=["Hours"]))
    world.flow("hours", module("Hours"))
    world.commit()
    assert (await world.apply()).delivered


@pytest.fixture
async def heard(world: World) -> Heard:
    """It has seen what an earlier delivery left live."""
    await delivered(world)
    made = Heard(world)
    made.changes.pass_ended(await world.plan())
    return made


async def test_the_version_that_is_expected_is_no_news(heard: Heard) -> None:
    heard.changes.add(heard.event("Front", "1.0"))
    assert heard.told == []


async def test_another_version_is_told_once(heard: Heard) -> None:
    for _ in range(3):
        heard.changes.add(heard.event("Front", "2.0"))
    assert heard.told == [REASON]


async def test_a_flow_that_is_not_live_any_more_is_told(heard: Heard) -> None:
    heard.changes.add(heard.event("Front", None))
    heard.changes.add(heard.event("Hours", "1.0", deleted=True))
    assert heard.told == [REASON, REASON]


async def test_a_flow_that_no_manifest_names_is_nobodys_business(heard: Heard) -> None:
    heard.changes.add(FlowEvent("somebody-elses", "7.0"))
    assert heard.told == []
    assert len(heard.changes.flow_ids) == 2


async def test_what_the_pass_itself_published_is_no_news(heard: Heard) -> None:
    """A module's publish and its callers': announced while the pass runs and once more after it."""
    heard.world.flow("hours", module("Hours", says="We are open"))
    heard.world.commit()
    heard.changes.pass_begins()
    for version in ("1.0", "2.0"):
        heard.changes.add(heard.event("Hours", version))
    heard.changes.add(heard.event("Front", "2.0"))
    heard.changes.pass_ended(await heard.world.apply())
    heard.changes.add(heard.event("Hours", "2.0"))
    assert heard.told == []


async def test_what_a_person_publishes_during_a_pass_is_told_when_the_pass_has_ended(heard: Heard) -> None:
    heard.changes.pass_begins()
    report = await heard.world.apply()
    heard.changes.add(heard.event("Front", "2.0"))
    assert heard.told == []
    heard.changes.pass_ended(report)
    assert heard.told == [REASON]


async def test_what_was_rolled_back_is_expected_at_its_old_version(heard: Heard) -> None:
    heard.world.flow("hours", module("Hours", says="We are open"))
    heard.world.flow("front", inbound("Front", says="Front", calls=["Hours"]))
    heard.world.commit()
    heard.world.fail_publishes_of("Front")
    await heard.deliver()
    heard.changes.add(heard.event("Hours", "1.0"))
    assert heard.told == []
    heard.changes.add(heard.event("Hours", "2.0"))
    assert heard.told == [REASON]


async def test_a_pass_that_saw_nothing_leaves_the_expectations_as_they_were(heard: Heard) -> None:
    heard.world.fault("http-5xx")
    heard.changes.pass_begins()
    heard.changes.pass_ended(await heard.world.plan())
    heard.changes.add(heard.event("Front", "1.0"))
    assert heard.told == []
    assert len(heard.changes.flow_ids) == 2
