"""Whatever happened before: once a delivery ended well, there is nothing left to do, on either dialect."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from controller.delivery.result import Outcome
from controller.domain.capabilities import ARCHITECT, CAPABILITIES, VERSIONED
from controller.domain.status import StepState
from tests.support.played_once import played_once
from tests.support.sources import inbound, module
from tests.support.world import SECRET, World, said

only_architect = pytest.mark.parametrize("world", [ARCHITECT], indirect=True)


@pytest.fixture(params=sorted(CAPABILITIES))
async def world(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    monkeypatch.setenv("ACME_ID", "penstock")
    monkeypatch.setenv("ACME_SECRET", SECRET)
    made = World(tmp_path, dialect=request.param)
    yield made
    await made.close()


def family(world: World, **spec: object) -> None:
    world.flow("hours", module("Hours"), **spec)
    world.flow("desk", inbound("Desk", calls=["Hours"]), **spec)
    world.flow("front", inbound("Front", calls=["Hours"], transfers=["Desk"]), **spec)


async def delivered(world: World, **request: object) -> None:
    report = await world.apply(**request)
    assert report.delivered, (report.error, report.result)


async def test_after_adopting_callers_and_their_modules(world: World) -> None:
    family(world)
    world.publish_all_by_hand()
    world.commit()

    await delivered(world)

    await world.assert_settled()


async def test_after_adopting_a_caller_whose_module_moved_on_since(world: World) -> None:
    family(world)
    world.publish_all_by_hand()
    world.commit()
    world.flow("hours", module("Hours", says="Newer"))
    world.commit()

    await delivered(world)

    await world.assert_settled()


@played_once
async def family_is_live(world: World) -> None:
    family(world)
    world.commit()
    await delivered(world)


@only_architect
async def test_after_a_module_moved_below_a_pinned_caller(world: World) -> None:
    await family_is_live(world)
    world.manifest("desk", type="inboundcall", name="Desk", source={"version": "1.0"})
    world.commit()
    await delivered(world)
    await world.assert_settled()
    world.flow("hours", module("Hours", says="Newer"))
    world.commit()

    await delivered(world)

    await world.assert_settled()


@only_architect
@pytest.mark.parametrize("prune", [False, True])
async def test_after_a_rename(world: World, prune: bool) -> None:
    await family_is_live(world)
    world.describe(sync={"prune": prune})
    world.flow("desk", inbound("Help Desk", calls=["Hours"]), renamedFrom="Desk")
    world.flow("front", inbound("Front", calls=["Hours"], transfers=["Help Desk"]))
    world.commit()

    await delivered(world, confirmations=said(prune=prune))

    assert world.versions()["inboundcall/Desk"] == (None if prune else "1.0")
    await world.assert_settled()


@only_architect
async def test_after_what_was_pruned_is_asked_for_again(world: World) -> None:
    world.describe(sync={"prune": True})
    family(world)
    world.flow("aside", inbound("Aside", calls=["Hours"]))
    world.commit()
    await delivered(world)
    world.remove("aside")
    world.commit()
    await delivered(world, confirmations=said(prune=True))
    await world.assert_settled()
    world.flow("aside", inbound("Aside", calls=["Hours"]))
    world.commit()

    await delivered(world)

    await world.assert_settled()


@pytest.mark.parametrize("refused", [False, True])
async def test_after_healing_what_was_published_by_hand(world: World, refused: bool) -> None:
    """Also where the organisation does not let an older version go live again."""
    world.describe(sync={"heal": True})
    await family_is_live(world)
    world.by_hand("publish", "commonmodule", "Hours", module("Hours", says="By hand"))
    if refused and world.dialect == ARCHITECT:
        world.fault("publish-silent-noop", match={"route": "/api/v2/flows/actions/publish"}, times=1)

    await delivered(world)
    world.simulator.faults.clear()
    await world.apply()

    await world.assert_settled()


@played_once
async def all_are_live(world: World) -> None:
    family_says(world, "Hello")
    world.commit()
    await delivered(world)


@played_once
async def failed(world: World, policy: str) -> None:
    """In the second delivery one of four flows did, and the policy was followed."""
    await all_are_live(world)
    world.describe(sync={"onFailure": policy})
    world.commit("Choose a policy")
    family_says(world, "Second")
    world.commit()
    world.fail_publishes_of("Desk")
    assert not (await world.apply()).delivered
    world.simulator.faults.clear()


@pytest.mark.parametrize("policy", ["rollback-all", "rollback-flow", "halt"])
async def test_after_a_failure_and_the_commit_that_mends_it(world: World, policy: str) -> None:
    await failed(world, policy)
    assert not (await world.apply()).delivered
    family_says(world, "Third")
    world.commit()

    await delivered(world)

    await world.assert_settled()


def family_says(world: World, words: str) -> None:
    world.flow("hours", module("Hours", says=words))
    world.flow("desk", inbound("Desk", says=words, calls=["Hours"]))
    world.flow("front", inbound("Front", says=words, calls=["Hours"], transfers=["Desk"]))
    world.flow("aside", inbound("Aside", says=words))


@pytest.mark.parametrize("policy", ["rollback-all", "rollback-flow", "halt"])
async def test_after_a_failure_and_a_revert(world: World, policy: str) -> None:
    await failed(world, policy)
    world.git("revert", "--no-edit", "HEAD")
    world.git("push", "--quiet", "origin", "HEAD:main")

    await delivered(world)

    await world.assert_settled()


async def test_beside_a_suspended_flow_that_changes(world: World) -> None:
    await family_is_live(world)
    family(world)
    world.flow("desk", inbound("Desk", says="Not yet", calls=["Hours"]), suspend=True)
    world.commit()
    await delivered(world)

    await world.assert_settled()


def circle(world: World, words: str = "Hello", *, calls_back: bool = True) -> None:
    world.flow("left", inbound("Left", says=words, transfers=["Right"]))
    world.flow("right", inbound("Right", says=words, transfers=["Left"] if calls_back else []))


@played_once
async def circular(world: World) -> None:
    """Two flows that transfer to each other, both published."""
    world.describe(cycles="group")
    if world.dialect == ARCHITECT:
        circle(world, calls_back=False)
        world.commit()
        await delivered(world)
    circle(world)
    if world.dialect != ARCHITECT:
        world.publish_all_by_hand()
    world.commit()
    await delivered(world)


async def test_after_a_group_of_flows_that_call_each_other(world: World) -> None:
    await circular(world)
    circle(world, "Second")
    world.commit()

    await delivered(world)

    await world.assert_settled()


@pytest.mark.parametrize("policy", ["rollback-all", "rollback-flow"])
async def test_a_group_is_taken_back_as_one(world: World, policy: str) -> None:
    await circular(world)
    world.describe(cycles="group", sync={"onFailure": policy})
    world.flow("aside", inbound("Aside"))
    world.commit()
    await delivered(world)
    before = world.versions()
    circle(world, "Second")
    world.flow("aside", inbound("Aside", says="Second"))
    world.commit()
    world.fail_publishes_of("Right")

    report = await world.apply()

    states = {step.change.flow: step.state for step in report.result.steps}
    assert report.result.outcome is Outcome.ROLLED_BACK
    assert (states["left"], states["right"]) == (StepState.ROLLED_BACK, StepState.FAILED)
    after = world.versions()
    assert {key: after[key] for key in ("inboundcall/Left", "inboundcall/Right")} == {
        key: before[key] for key in ("inboundcall/Left", "inboundcall/Right")
    }
    assert (after["inboundcall/Aside"] != before["inboundcall/Aside"]) == (policy == "rollback-flow")
    world.simulator.faults.clear()
    again = await world.plan()
    assert {change.flow for change in again.blocked} >= {"left", "right"}


@pytest.mark.parametrize("world", [VERSIONED], indirect=True)
async def test_nothing_of_a_group_is_published_while_one_of_it_is_not_valid(world: World) -> None:
    await circular(world)
    circle(world, "Second")
    broken = inbound("Right", says="Second", transfers=["Left"]).replace("task[Main_1]", "task[Nowhere]")
    world.flow("right", broken)
    world.commit()
    published = len(world.publishes())

    report = await world.apply(retry=True)

    states = {step.change.flow: step.state for step in report.result.steps}
    assert states == {"left": StepState.SKIPPED, "right": StepState.FAILED}
    assert len(world.publishes()) == published
