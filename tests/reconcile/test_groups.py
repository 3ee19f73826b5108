"""With `cycles: group` the changes within a cycle are one unit, on either dialect."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from controller.delivery.result import Outcome
from controller.domain.capabilities import CAPABILITIES
from controller.domain.status import StepState
from tests.support.played_once import played_once
from tests.support.sources import inbound, module
from tests.support.world import SECRET, World, said


@played_once
async def ring_live(world: World) -> None:
    world.describe(cycles="group", sync={"onFailure": "rollback-flow"})
    for name, following in (("a", "B"), ("b", "C"), ("c", "A")):
        world.flow(name, inbound(name.upper(), transfers=[following]))
    world.publish_all_by_hand()
    world.commit()
    assert (await world.apply()).delivered


@pytest.fixture(params=sorted(CAPABILITIES))
async def ring(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """Three published flows that transfer to each other in a ring, of which a failed change takes back no others."""
    monkeypatch.setenv("ACME_ID", "penstock")
    monkeypatch.setenv("ACME_SECRET", SECRET)
    made = World(tmp_path, dialect=request.param)
    await ring_live(made)
    yield made
    await made.close()


def change_two_of_three(ring: World) -> None:
    """The cycle then runs through a flow that stays as it is."""
    ring.flow("a", inbound("A", says="Second", transfers=["B"]))
    ring.flow("c", inbound("C", says="Second", transfers=["A"]))
    ring.commit()


async def test_a_group_through_a_flow_that_stays_is_delivered_in_its_order_and_that_flow_is_not_published(
    ring: World,
) -> None:
    published = len(ring.publishes())
    change_two_of_three(ring)
    plan = (await ring.plan()).plan_or_raise()

    report = await ring.apply()

    assert {change.flow: change.group for change in plan.actions} == {"a": ("a", "c"), "c": ("a", "c")}
    assert report.delivered
    assert ring.publishes()[published:] == ["inboundcall/A", "inboundcall/C"]
    await ring.assert_settled()


@pytest.mark.parametrize("failing", ["A", "B", "C"])
async def test_whichever_member_fails_none_of_the_group_stays_and_a_correction_is_delivered(
    ring: World, failing: str
) -> None:
    before = ring.versions()
    for name, following in (("a", "B"), ("b", "C"), ("c", "A")):
        ring.flow(name, inbound(name.upper(), says="Second", transfers=[following]))
    ring.commit()
    ring.fail_publishes_of(failing)

    failed = await ring.apply()
    taken_back = ring.versions()
    plan = (await ring.plan()).plan_or_raise()
    ring.simulator.faults.clear()
    ring.flow(failing.lower(), inbound(failing, says="Third", transfers=[{"A": "B", "B": "C", "C": "A"}[failing]]))
    ring.commit()
    corrected = await ring.apply(retry=True)

    assert taken_back == before
    assert failed.result.outcome in (Outcome.ROLLED_BACK, Outcome.FAILED)
    assert {step.state for step in failed.result.steps} <= {
        StepState.ROLLED_BACK,
        StepState.FAILED,
        StepState.SKIPPED,
    }
    assert all(change.blocked for change in plan.actions)
    assert corrected.delivered, corrected.error
    await ring.assert_settled()


async def test_a_caller_in_a_cycle_follows_its_module_and_comes_back_with_it(world: World) -> None:
    world.describe(cycles="group", sync={"onFailure": "rollback-flow"})
    world.flow("hours", module("Hours"))
    world.flow("front", inbound("Front", calls=["Hours"]))
    world.commit()
    assert (await world.apply()).delivered
    world.flow("hours", module("Hours"), dependsOn=["front"])
    world.commit()
    assert (await world.plan()).plan_or_raise().empty
    world.flow("hours", module("Hours", says="Second"), dependsOn=["front"])
    world.commit()
    world.fail_publishes_of("Front")

    failed = await world.apply()
    taken_back = world.versions()
    world.simulator.faults.clear()
    delivered = await world.apply(retry=True, confirmations=said(force=True))

    steps = {step.change.flow: (step.change.kind.value, step.state) for step in failed.result.steps}
    assert steps == {"hours": ("publish", StepState.ROLLED_BACK), "front": ("republish", StepState.FAILED)}
    assert taken_back == {"commonmodule/Hours": "1.0", "inboundcall/Front": "1.0"}
    assert delivered.delivered, delivered.error
    bound = world.simulator.flow("inboundcall", "Front").published.bindings
    assert bound == {world.simulator.flow("commonmodule", "Hours").id: world.live("commonmodule", "Hours")}
    await world.assert_settled()
