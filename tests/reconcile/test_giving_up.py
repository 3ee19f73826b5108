"""`penstock rollback` of what a process that ended had begun to publish: it is given up, and not brought to its end."""

from __future__ import annotations

import pytest

from controller.delivery.result import Outcome
from controller.domain.capabilities import VERSIONED
from tests.reconcile.scenes import live
from tests.support.dialects import BOTH
from tests.support.sources import inbound, module
from tests.support.world import Crash, Recording, World

STAGES = [{"percentage": 10, "duration": "15m"}, {"percentage": 50, "duration": "30m"}]


async def begun(world: World, event: str, **spec: object) -> None:
    """`desk` 1.0 is live, and the process died over the publish of 2.0."""
    await live(world, desk=inbound("Desk"))
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


@BOTH
async def test_what_else_the_interrupted_delivery_made_live_stays(world: World) -> None:
    """A person asks for one flow back, and nothing failed; also where that process ends as well."""
    await live(world, other=module("Other"), desk=inbound("Desk"))
    world.flow("other", module("Other", says="New"))
    world.flow("desk", inbound("Desk", says="New"), rollout={"bake": "10m"})
    world.commit()
    with pytest.raises(Crash):
        await world.apply(Recording(lambda told: told.name == "change.baking" and told.flow == "desk"))
    await world.restart()

    report = await world.rollback("desk")

    assert report.error is None, report.error
    assert world.versions() == {"inboundcall/Desk": "1.0", "commonmodule/Other": "2.0"}
    assert [str(each.key) for each in world.services.store.quarantines.active("acme")] == ["inboundcall/Desk"]


@BOTH
async def test_a_way_back_to_what_git_asks_for_is_not_quarantined_when_its_process_dies(world: World) -> None:
    await live(world, desk=inbound("Desk"))
    world.by_hand("publish", "inboundcall", "Desk", inbound("Desk", says="By hand"))
    wanted = world.versions()["inboundcall/Desk"]
    assert wanted != "1.0"
    with pytest.raises(Crash):
        await world.rollback("desk", Recording(lambda told: told.name == "write.intended"), version="1.0")
    await world.restart()

    report = await world.apply()

    assert report.delivered, report.error
    assert world.services.store.quarantines.active("acme") == ()
    await world.assert_settled()
