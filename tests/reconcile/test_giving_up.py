"""`penstock rollback` of what a process that ended had begun to publish: it is given up, and not brought to its end."""

from __future__ import annotations

import pytest

from controller.delivery import Outcome
from controller.domain.capabilities import VERSIONED
from tests.support.dialects import BOTH
from tests.support.sources import inbound
from tests.support.world import Crash, Recording, World

STAGES = [{"percentage": 10, "duration": "15m"}, {"percentage": 50, "duration": "30m"}]


async def begun(world: World, event: str, **spec: object) -> None:
    """`desk` 1.0 is live, and the process died over the publish of 2.0."""
    world.flow("desk", inbound("Desk"))
    world.commit()
    if world.dialect == VERSIONED:
        world.publish_all_by_hand()
    assert (await world.apply()).delivered
    world.flow("desk", inbound("Desk", says="New"), **spec)
    world.commit()
    with pytest.raises(Crash):
        await world.apply(Recording(lambda told: told.name == event))
    await world.restart()


async def assert_taken_back(world: World) -> None:
    world.clock.advance(7200)
    assert world.versions() == {"inboundcall/Desk": "1.0"}
    again = await world.apply()
    assert [change.blocked.code for change in again.blocked if change.blocked] == ["quarantined"]


@BOTH
async def test_a_publish_that_is_under_way_is_taken_back_without_baking(world: World) -> None:
    await begun(world, "publish.progress", rollout={"bake": "10m"})
    at = world.clock.now()

    report = await world.rollback("desk")

    assert report.error is None, report.error
    assert report.result is not None
    assert report.result.outcome is Outcome.ROLLED_BACK
    assert (world.clock.now() - at).total_seconds() < 300
    await assert_taken_back(world)


@pytest.mark.parametrize("world", [VERSIONED], indirect=True)
async def test_a_staged_rollout_is_ended_in_its_stage(world: World) -> None:
    """Whoever is woken because the first tenth of the callers fails must not wait until all of them do."""
    await begun(world, "rollout.stage", rollout={"stages": [*STAGES, {"percentage": 100, "duration": "10m"}]})

    report = await world.rollback("desk")

    assert report.error is None, report.error
    assert report.result is not None
    assert report.result.outcome is Outcome.ROLLED_BACK
    flow = world.simulator.flow("inboundcall", "Desk")
    assert [str(rollout.outcome) for rollout in flow.rollouts][-2:] == ["cancelled", "completed"]
    await assert_taken_back(world)


@pytest.mark.parametrize("world", [VERSIONED], indirect=True)
async def test_a_rollout_that_git_does_not_ask_for_any_more_is_ended_in_its_stage(world: World) -> None:
    """Its gates are gone with its manifest, so nothing would watch it on its way to all callers."""
    await begun(world, "rollout.stage", rollout={"stages": [*STAGES, {"percentage": 100, "duration": "10m"}]})
    world.flow("desk", inbound("Desk", says="Newer"))
    world.commit()

    report = await world.apply()

    assert report.delivered, report.error
    flow = world.simulator.flow("inboundcall", "Desk")
    ended = [(rollout.version, str(rollout.outcome)) for rollout in flow.rollouts]
    assert ended[-3:] == [("2.0", "cancelled"), ("1.0", "completed"), ("3.0", "completed")]
    assert world.services.store.quarantines.active("acme") == ()


@BOTH
async def test_a_publish_that_was_never_sent_leaves_what_was_live_before(world: World) -> None:
    """The delivery that was begun is the one that is not wanted: nothing older than it is brought back."""
    await begun(world, "change.validated")

    await world.rollback("desk")

    assert world.versions() == {"inboundcall/Desk": "1.0"}
