"""A commit that asks for something else after a crash: what no gate has judged yet is abandoned.

The version that was live before it stays the one that a later rollback leads to, as after any rollout that is
superseded.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from controller.delivery.result import Outcome
from controller.delivery.sync_run import DeliveryEvent
from controller.domain.capabilities import ARCHITECT, VERSIONED
from controller.domain.status import StepState
from controller.reconcile.report import PassReport
from controller.store.records import StepRecord
from tests.reconcile.scenes import live
from tests.support.dialects import BOTH
from tests.support.played_once import played_once
from tests.support.sources import inbound, module
from tests.support.world import Crash, Recording, World

GATE = {"errorRate": {"window": "10m", "minimumSamples": 5, "max": "10%", "onNoData": "pass"}}
STRICT = {"errorRate": {"window": "10m", "minimumSamples": 5, "max": "10%", "onNoData": "fail"}}
MOMENTS = ("publish.progress", "change.live", "change.baking", "bake.begun")

pytestmark = BOTH


def at(name: str, flow: str = "desk") -> Callable[[DeliveryEvent], bool]:
    return lambda event: (event.name, event.flow) == (name, flow)


async def died(world: World, crash_when: Callable[[DeliveryEvent], bool]) -> None:
    with pytest.raises(Crash):
        await world.apply(Recording(crash_when))
    await world.restart()


@played_once
async def interrupted(world: World, moment: str = "change.baking", **spec: object) -> None:
    """`desk` 1.0 was judged well, and the process died over 2.0; the module `other` was delivered by the same sync."""
    await live(world, desk=inbound("Desk"), other=module("Other"))
    world.flow("desk", inbound("Desk", says="New"), rollout={"bake": "10m"}, **({"gates": [GATE]} | spec))
    world.flow("other", module("Other", says="New"))
    world.commit()
    await died(world, at(moment))


def newer(world: World, **spec: object) -> None:
    world.flow("desk", inbound("Desk", says="Newer"), **spec)
    world.commit()


def last_step(world: World, report: PassReport, flow: str = "desk") -> StepRecord:
    assert report.result is not None
    sync = world.services.store.journal.sync(report.result.sync_id)
    assert sync is not None
    return next(step for step in sync.steps if step.flow == flow)


def content(world: World, name: str = "Desk") -> str:
    published = world.simulator.flow("inboundcall", name).published
    assert published is not None
    return published.text


@pytest.mark.parametrize("moment", MOMENTS)
async def test_what_was_not_judged_is_taken_back_before_the_next_one_is_delivered(world: World, moment: str) -> None:
    await interrupted(world, moment)
    newer(world)
    began = world.clock.elapsed_s

    report = await world.apply()

    assert report.delivered, report.error
    assert "desk: rolled-back" in report.recovered
    assert last_step(world, report).previous_version == "1.0"
    assert "Newer" in content(world)
    assert world.clock.elapsed_s - began < 600, "the bake is not waited for"
    assert world.services.store.quarantines.active("acme") == ()
    await world.assert_settled()


async def test_when_the_next_one_fails_the_version_that_was_judged_well_comes_back(world: World) -> None:
    await interrupted(world)
    newer(world, gates=[STRICT])

    report = await world.apply()

    assert report.result is not None
    assert report.result.outcome is Outcome.ROLLED_BACK
    assert world.versions()["inboundcall/Desk"] == "1.0"
    assert [each.wanted for each in world.services.store.quarantines.active("acme")] == [
        change.desired.wanted for change in report.plan_or_raise().changes if change.flow == "desk" and change.desired
    ]


@pytest.mark.parametrize(
    "moment", ["change.rolling-back", "write.intended", "write.answered", "write.concluded", "change.rolled-back"]
)
async def test_a_process_that_dies_over_it_is_followed_by_one_that_does_the_same(world: World, moment: str) -> None:
    await interrupted(world)
    newer(world)
    await died(world, at(moment))

    report = await world.apply()

    assert report.delivered, report.error
    assert last_step(world, report).previous_version == "1.0"
    assert "Newer" in content(world)
    assert world.versions()["commonmodule/Other"] == "2.0"
    assert world.services.store.quarantines.active("acme") == ()
    await world.assert_settled()


async def test_what_a_person_published_meanwhile_is_left_alone_and_so_is_the_rest(world: World) -> None:
    """There is nothing of ours to be taken back any more, which is told; nothing failed that the rest stands for."""
    await interrupted(world)
    world.by_hand("publish", "inboundcall", "Desk", inbound("Desk", says="By hand"))
    newer(world)

    report = await world.apply()

    assert set(report.recovered) == {"desk: rollback-failed", "other: exported"}
    assert world.versions()["commonmodule/Other"] == "2.0"
    assert "Newer" in content(world)
    await world.assert_settled()


async def test_what_else_the_sync_delivered_stays_and_git_can_ask_for_it_again(world: World) -> None:
    """Nothing failed: what was abandoned may be tried like anything else."""
    await interrupted(world)
    newer(world)

    report = await world.apply()

    assert report.delivered, report.error
    assert set(report.recovered) == {"desk: rolled-back", "other: exported"}
    assert world.versions()["commonmodule/Other"] == "2.0"
    assert world.publishes().count("commonmodule/Other") == 2
    world.flow("desk", inbound("Desk", says="New"))
    world.commit()

    report = await world.apply()

    assert report.delivered, report.error
    assert "New" in content(world)
    await world.assert_settled()


async def test_a_flow_that_no_manifest_names_any_more_goes_back_to_what_was_judged(world: World) -> None:
    await interrupted(world)
    world.remove("desk")
    world.commit()

    await world.apply()

    assert world.versions()["inboundcall/Desk"] == "1.0"


async def test_what_no_gate_was_to_judge_is_brought_to_its_end(world: World) -> None:
    await interrupted(world, gates=[])
    newer(world)

    report = await world.apply()

    assert report.delivered, report.error
    assert "desk: exported" in report.recovered
    assert last_step(world, report).previous_version == "2.0"


async def test_gates_that_changed_alone_judge_what_is_live(world: World) -> None:
    """The content is still what git asks for: the manifest's gates of today have the word."""
    await interrupted(world)
    key, version = "Desk", world.versions()["inboundcall/Desk"]
    spec = {"rollout": {"bake": "10m"}, "gates": [STRICT]}
    if world.dialect == VERSIONED:
        world.manifest("desk", type="inboundcall", name=key, source={"version": version}, **spec)
    else:
        world.manifest("desk", source={"file": "flows/desk.yaml"}, **spec)
    world.commit()

    await world.apply()

    assert world.versions()["inboundcall/Desk"] == "1.0"
    quarantined = world.services.store.quarantines.active("acme")
    assert "gate errorRate: fail" in " ".join(each.reason for each in quarantined)


async def test_a_version_that_was_judged_well_once_is_not_abandoned(world: World) -> None:
    """Going back to it by git is a way out of 2.0, which must not be made live again."""
    await interrupted(world)
    assert (await world.apply()).delivered
    world.manifest("desk", type="inboundcall", name="Desk", source={"version": "1.0"}, gates=[GATE])
    world.commit()
    await died(world, at("change.live"))
    newer(world)

    report = await world.apply()

    assert report.delivered, report.error
    assert last_step(world, report).previous_version == "1.0"
    assert "desk: exported" in report.recovered


@pytest.mark.parametrize("no_data", ["pass", "wait"])
async def test_a_first_version_goes_where_there_is_a_way_back_from_it(world: World, no_data: str) -> None:
    """Where the organisation cannot unpublish it, it stays until the next one replaces it, also when it is paused."""
    gate = {"errorRate": GATE["errorRate"] | {"onNoData": no_data}}
    world.flow("desk", inbound("Desk", says="New"), rollout={"bake": "10m"}, gates=[gate])
    world.commit()
    if no_data == "wait":
        assert not (await world.apply()).delivered
    else:
        await died(world, at("change.baking"))
    newer(world)

    report = await world.apply()

    assert report.delivered, report.error
    assert last_step(world, report).previous_version == (None if world.dialect == ARCHITECT else "1.0")
    assert "Newer" in content(world)
    states = [step.state for sync in world.services.store.journal.history("acme") for step in sync.steps]
    assert StepState.ROLLBACK_FAILED not in states
    await world.assert_settled()
