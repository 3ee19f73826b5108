"""What `penstock plan` says while a delivery is not at its end: what it made live is nobody's hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from controller.delivery.result import Outcome
from controller.delivery.sync_run import DeliveryEvent
from controller.domain.status import SyncStatus
from controller.planning.model import Change, Plan
from controller.planning.rendering.text import plan_text
from controller.questions.decisions import accept_paused
from controller.reconcile.report import PassReport
from controller.reconcile.workspace import open_folder
from tests.reconcile.scenes import live
from tests.support.dialects import BOTH
from tests.support.played_once import played_once
from tests.support.sources import inbound
from tests.support.world import Crash, Recording, World

GATE = {"errorRate": {"window": "10m", "minimumSamples": 5, "max": "10%", "onNoData": "wait"}}

pytestmark = BOTH


@played_once
async def pause(world: World) -> None:
    await live(world, desk=inbound("Desk"))
    world.flow("desk", inbound("Desk", says="New"), gates=[GATE])
    world.commit()
    report = await world.apply()
    assert report.result is not None
    assert report.result.outcome is Outcome.PAUSED


@pytest.fixture
async def paused(world: World) -> World:
    """`desk` 2.0 is live, and its gate could not decide about it."""
    await pause(world)
    return world


async def planned(world: World) -> tuple[PassReport, Plan, Change]:
    report = await world.plan()
    plan = report.plan_or_raise()
    [change] = plan.changes
    return report, plan, change


async def test_it_is_to_be_gone_on_with_and_not_to_be_published_again(paused: World) -> None:
    report, plan, change = await planned(paused)

    assert plan.drift == ()
    assert (change.kind, change.to_version) == ("adopt", "2.0")
    assert change.reason == "2.0 is live of an unfinished delivery; apply resumes it"
    assert report.sync_status is SyncStatus.OUT_OF_SYNC


async def test_what_git_asks_for_meanwhile_comes_after_it(paused: World) -> None:
    paused.flow("desk", inbound("Desk", says="Newer"))
    paused.commit()

    _, plan, change = await planned(paused)

    assert plan.drift == ()
    assert change.kind in ("publish", "switch")
    assert "2.0 is live of an unfinished delivery; apply resumes that first" in change.reason


async def test_what_was_there_before_can_be_asked_for_again(paused: World) -> None:
    paused.git("revert", "--no-edit", "HEAD")
    paused.git("push", "--quiet", "origin", "HEAD:main")

    _, plan, change = await planned(paused)

    assert plan.drift == ()
    assert (change.kind, change.to_version) == ("restore", "1.0")
    await paused.apply()
    assert paused.versions() == {"inboundcall/Desk": "1.0"}
    await paused.assert_settled()


def sent(event: DeliveryEvent) -> bool:
    """The publish is on its way, and nothing of it is live."""
    return event.name == "write.concluded" and event.fields["action"] in ("upload", "publish")


async def interrupted(world: World, crash_when: Callable[[DeliveryEvent], bool]) -> None:
    """`desk` 1.0 is live, and the process died over 2.0."""
    await live(world, desk=inbound("Desk"))
    world.flow("desk", inbound("Desk", says="New"), gates=[GATE])
    world.commit()
    with pytest.raises(Crash):
        await world.apply(Recording(crash_when))
    await world.restart()


@pytest.mark.parametrize("state", ["pending", "validated", "publishing"])
async def test_what_is_not_live_yet_of_a_delivery_is_told_beside_the_plan(world: World, state: str) -> None:
    moments = {"pending": "sync.started", "validated": "change.validated"}
    await interrupted(world, sent if state == "publishing" else lambda event: event.name == moments[state])

    _, plan, _ = await planned(world)

    [told] = plan.under_way
    assert (told.flow, told.state, told.from_version) == ("desk", state, "1.0")
    assert "it changes desk" in plan_text([plan])
    await world.apply()
    assert (await planned(world))[1].under_way == ()


async def test_a_plan_without_changes_is_not_called_in_sync_while_something_is_on_its_way(world: World) -> None:
    await interrupted(world, sent)
    world.git("revert", "--no-edit", "HEAD")
    world.git("push", "--quiet", "origin", "HEAD:main")

    report, plan, _ = await planned(world)

    assert plan.empty
    assert "in sync" not in plan_text([plan])
    assert report.sync_status is SyncStatus.OUT_OF_SYNC
    assert [flow.sync for flow in world.status(report).flows] == [SyncStatus.OUT_OF_SYNC]


async def test_what_is_on_its_way_back_is_told_with_the_version_that_comes_back(paused: World) -> None:
    with pytest.raises(Crash):
        await paused.rollback("desk", Recording(lambda told: told.name == "change.rolling-back"))
    await paused.restart()

    _, plan, _ = await planned(paused)

    assert "desk (going back to 1.0)" in plan_text([plan])


async def test_it_is_no_part_of_what_an_approval_is_for(world: World) -> None:
    """A plan that was approved before the delivery began is still that plan, as long as nothing is live of it."""
    world.flow("desk", inbound("Desk"))
    world.commit()
    before = (await world.plan()).plan_or_raise()
    with pytest.raises(Crash):
        await world.apply(Recording(lambda told: told.name == "change.validated"))
    await world.restart()

    after = (await world.plan()).plan_or_raise()

    assert after.under_way
    assert after.digest == before.digest


async def test_what_a_person_lets_stay_is_not_said_to_wait_for_a_person(paused: World) -> None:
    organization = open_folder(paused.clone, paused.settings).organization("acme")
    accept_paused(paused.services, organization, "desk", by="ada")

    [desk] = paused.status(await paused.plan()).flows

    assert desk.message == "2.0 may stay, as ada said; the next pass resumes it"
