"""What a delivery leaves to do is known at its end, without a call, and is what the next look finds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from controller.delivery.result import Outcome
from controller.domain.capabilities import VERSIONED
from controller.domain.status import SyncStatus
from controller.planning.guard import Confirmations
from controller.planning.model import Plan
from controller.reconcile.report import Left, PassReport
from tests.support.dialects import BOTH
from tests.support.played_once import played_once
from tests.support.sources import inbound, module
from tests.support.world import Recording, World

GATE = {"errorRate": {"window": "10m", "minimumSamples": 5, "max": "10%", "onNoData": "wait"}}


class CountingCalls(Recording):
    """Notes how many calls the organisation had when the plan that is left is made."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self.calls: int | None = None

    def began(self, step: str) -> None:
        if step == "plan_left":
            self.calls = calls(self._world)


def calls(world: World) -> int:
    return len(world.simulator.calls.log())


def deeds(plan: Plan) -> list[object]:
    """All that the digest covers of the changes, and what people read of them."""
    return [
        (change.flow, change.kind, change.from_version, change.to_version, change.blocked, change.reason, change.wave)
        for change in plan.changes
    ]


async def delivered(world: World, **said: bool) -> PassReport:
    """The report of a delivery of the controller."""
    listener = CountingCalls(world)
    report = await world.apply(listener, watches=True, confirmations=Confirmations(**said))
    assert listener.calls == calls(world), "what is left is found without a call"
    return report


async def agreed(world: World, report: PassReport) -> Left:
    """What the delivery left, which the next look finds as well."""
    assert report.left is not None
    looked = await world.plan(watches=True)
    plan = looked.plan_or_raise()
    assert deeds(report.left.plan) == deeds(plan)
    assert report.left.plan.digest == plan.digest
    assert report.left.plan.suspended == plan.suspended
    assert [(each.flow, each.kind, each.message) for each in report.left.plan.drift] == [
        (each.flow, each.kind, each.message) for each in plan.drift
    ]
    assert report.sync_status is looked.sync_status
    return report.left


def describe(world: World, says: str = "Hello") -> None:
    world.flow("hours", module("Hours", says=says))
    world.flow("front", inbound("Front", calls=["Hours"], says=says))
    world.flow("desk", inbound("Desk", says=says))
    world.commit()


@played_once
async def delivered_once(world: World) -> None:
    describe(world)
    assert (await world.apply()).delivered


@BOTH
async def test_nothing_is_left_of_new_flows_and_of_changed_ones(world: World) -> None:
    describe(world)
    report = await delivered(world)
    assert (await agreed(world, report)).plan.empty
    assert report.sync_status is SyncStatus.SYNCED
    describe(world, says="Good evening")
    left = await agreed(world, await delivered(world))
    assert left.plan.empty
    assert {flow.published_version for flow in left.live.values()} == {"2.0"}
    assert left.recorded is not None
    assert {flow.version for flow in left.recorded.flows.values()} == {"2.0"}


async def locked(world: World) -> None:
    world.by_hand("lock", "inboundcall", "Desk")


async def failing(world: World) -> None:
    world.fail_publishes_of("Desk")


async def drifted(world: World) -> None:
    if world.dialect == VERSIONED:
        world.by_hand("publish", "commonmodule", "Hours", module("Hours", says="By hand"))
        return
    world.by_hand("publish", "inboundcall", "Desk", inbound("Desk", says="By hand"))


@BOTH
@pytest.mark.parametrize("happens", [locked, failing, drifted], ids=lambda happens: happens.__name__)
async def test_what_could_not_be_delivered_is_left(world: World, happens: Callable[[World], Awaitable[None]]) -> None:
    await delivered_once(world)
    world.describe(safety={"maxUpdatePercent": 100})
    await happens(world)
    describe(world, says="Good evening")
    report = await delivered(world)
    if happens is failing and world.dialect == VERSIONED:
        assert report.left is None, "the states of the versions have to be read again"
    else:
        await agreed(world, report)


@BOTH
async def test_what_was_rolled_back_is_left_with_its_quarantine(world: World) -> None:
    await delivered_once(world)
    world.describe(safety={"maxUpdatePercent": 100})
    world.fail_publishes_of("Front")
    describe(world, says="Good evening")
    report = await delivered(world)
    assert report.result is not None
    assert report.result.outcome is Outcome.ROLLED_BACK
    if world.dialect == VERSIONED:
        assert report.left is None, "the states of the versions have to be read again"
        return
    left = await agreed(world, report)
    assert {each.flow for each in left.plan.actions if each.blocked} == {"desk", "front", "hours"}


@BOTH
async def test_a_version_that_waits_for_a_decision_is_left(world: World) -> None:
    await delivered_once(world)
    world.flow("desk", inbound("Desk", says="New"), gates=[GATE])
    world.commit()
    report = await delivered(world)
    assert report.result is not None
    assert report.result.outcome is Outcome.PAUSED
    if world.dialect == VERSIONED:
        left = await agreed(world, report)
        assert [(each.flow, each.kind.value) for each in left.plan.actions] == [("desk", "adopt")]
    else:
        assert report.left is None, "the versions that it can be restored to have to be read"


async def test_a_flow_that_was_removed_or_renamed_is_not_left(world: World) -> None:
    await delivered_once(world)
    world.describe(sync={"prune": True}, safety={"maxDeletePercent": 100, "minimumExisting": 1})
    world.remove("desk")
    world.commit()
    left = await agreed(world, await delivered(world, prune=True))
    assert left.plan.empty
    world.flow("front", inbound("Reception", calls=["Hours"]))
    world.commit()
    left = await agreed(world, await delivered(world, prune=True, force=True))
    live = sorted(str(key) for key, flow in left.live.items() if flow.published_version)
    assert live == ["commonmodule/Hours", "inboundcall/Reception"]


@BOTH
async def test_a_command_makes_no_plan_that_nobody_reads(world: World) -> None:
    describe(world)
    assert (await world.apply()).left is None
