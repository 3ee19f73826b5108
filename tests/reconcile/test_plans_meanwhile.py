"""What `penstock plan` says while a delivery is not at its end: what it made live is nobody's hand."""

from __future__ import annotations

import pytest

from controller.delivery import Outcome
from controller.domain.status import SyncStatus
from controller.planning import Change, Plan
from controller.reconcile import PassReport, open_folder, promote_paused
from tests.support.dialects import BOTH
from tests.support.sources import inbound
from tests.support.world import World

GATE = {"errorRate": {"window": "10m", "minimumSamples": 5, "max": "10%", "onNoData": "wait"}}

pytestmark = BOTH


@pytest.fixture
async def paused(world: World) -> World:
    """`desk` 2.0 is live, and its gate could not decide about it."""
    world.flow("desk", inbound("Desk"))
    world.commit()
    assert (await world.apply()).delivered
    world.flow("desk", inbound("Desk", says="New"), gates=[GATE])
    world.commit()
    report = await world.apply()
    assert report.result is not None
    assert report.result.outcome is Outcome.PAUSED
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
    assert change.reason == "2.0 is live of a delivery that is not at its end; apply goes on with it"
    assert report.sync_status is SyncStatus.OUT_OF_SYNC


async def test_what_git_asks_for_meanwhile_comes_after_it(paused: World) -> None:
    paused.flow("desk", inbound("Desk", says="Newer"))
    paused.commit()

    _, plan, change = await planned(paused)

    assert plan.drift == ()
    assert change.kind in ("publish", "switch")
    assert "2.0 is live of a delivery that is not at its end; apply ends that first" in change.reason


async def test_what_was_there_before_can_be_asked_for_again(paused: World) -> None:
    paused.git("revert", "--no-edit", "HEAD")
    paused.git("push", "--quiet", "origin", "HEAD:main")

    _, plan, change = await planned(paused)

    assert plan.drift == ()
    assert (change.kind, change.to_version) == ("restore", "1.0")
    await paused.apply()
    assert paused.versions() == {"inboundcall/Desk": "1.0"}
    await paused.assert_settled()


async def test_what_a_person_lets_stay_is_not_said_to_wait_for_a_person(paused: World) -> None:
    organization = open_folder(paused.clone, paused.settings).organization("acme")
    promote_paused(paused.services, organization, "desk", by="ada")

    [desk] = paused.status(await paused.plan()).flows

    assert desk.message == "2.0 may stay, as ada said; the next pass goes on with it"
