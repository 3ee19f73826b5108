"""The controller asks only for what was published since its last look, and reads all flows where that is not enough."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from controller.domain.capabilities import ARCHITECT, VERSIONED
from controller.domain.identity import FlowKey
from controller.domain.status import SyncStatus
from controller.reconcile.report import PassReport
from controller.simulator.control import person
from controller.simulator.publishing import go_live
from tests.reconcile.scenes import live
from tests.support.clock import ShiftedClock
from tests.support.sources import inbound
from tests.support.world import World

LISTED = "/api/v2/flows"
FULL_S = 3600.0
"""The default of `PENSTOCK_FULL_LOOK_INTERVAL`."""


async def look(world: World) -> tuple[PassReport, int]:
    """A pass as the controller runs it without news, and the number of its calls."""
    world.simulator.calls.clear()
    report = await world.plan(watches=True, full_look=False)
    return report, world.simulator.calls.count()


def drift(report: PassReport) -> list[str]:
    return [f"{each.kind} {each.key.name}" for each in report.plan_or_raise().drift]


def fill(world: World, count: int) -> None:
    """Published flows that no manifest manages."""
    organization, now = world.simulator.organization, world.clock.now()
    ada = person(organization, "Ada")
    for number in range(count):
        flow = organization.create(FlowKey("inboundcall", f"Other {number}"), ada, now)
        go_live(organization, flow, organization.add_version(flow, inbound(flow.key.name), ada, now), ada, now)


@pytest.fixture
async def settled(world: World) -> World:
    """`Desk` and `Front` are delivered, and the controller has looked. A page of a listing holds one flow."""
    await live(world, desk=inbound("Desk"), front=inbound("Front"))
    world.settings = world.services.settings = world.services.settings.model_copy(update={"page_size": 1})
    world.clock.advance(1800)
    report, _ = await look(world)
    assert report.sync_status is SyncStatus.SYNCED
    world.clock.advance(300)
    return world


@pytest.mark.proof
@pytest.mark.parametrize("others", [0, 600, 1_100])
async def test_a_look_at_an_organisation_at_rest_costs_one_call_at_any_size(world: World, others: int) -> None:
    fill(world, others)
    world.flow("desk", inbound("Desk"))
    world.commit()
    assert (await world.apply()).delivered
    world.clock.advance(1800)

    first, pages = await look(world)
    world.clock.advance(300)
    second, calls = await look(world)

    assert (pages, calls) == (1 + others // 500, 1)
    assert first.sync_status is second.sync_status is SyncStatus.SYNCED
    assert first.live == second.live
    full_at = world.clock.now() - timedelta(seconds=300 if pages > 1 else 0)
    assert second.looked_fully_at == full_at


@pytest.mark.parametrize("deed", ["delete", "unpublish"])
async def test_an_organisation_of_one_page_is_read_whole_at_each_look(world: World, deed: str) -> None:
    await live(world, desk=inbound("Desk"))
    world.clock.advance(1800)
    await look(world)
    world.by_hand(deed, "inboundcall", "Desk")

    report, _ = await look(world)

    assert report.sync_status is SyncStatus.OUT_OF_SYNC


@pytest.mark.parametrize("world", [VERSIONED], indirect=True)
async def test_a_dialect_without_such_a_question_is_read_whole(settled: World) -> None:
    report, calls = await look(settled)
    assert (report.sync_status, calls) == (SyncStatus.SYNCED, 2)
    assert report.looked_fully_at == settled.clock.now()


async def test_a_publish_by_hand_is_seen_at_once_and_confirmed_by_a_full_look(settled: World) -> None:
    settled.by_hand("publish", "inboundcall", "Desk")

    report, _ = await look(settled)

    queries = [call.query for call in settled.simulator.calls.log("GET", LISTED)]
    assert ["publishedAfter" in query for query in queries] == [True, False, False]
    assert drift(report) == ["version Desk"]
    assert report.looked_fully_at == settled.clock.now()


def windows(world: World) -> list[bool]:
    """Whether each listing of the last look asked only for publishes."""
    return ["publishedAfter" in call.query for call in world.simulator.calls.log("GET", LISTED)]


@pytest.mark.parametrize("deed", ["publish", "unpublish", "delete"])
async def test_drift_that_lasts_costs_one_call_until_the_next_full_look(settled: World, deed: str) -> None:
    """Neither are all flows read, nor is the history of the flow, nor a flow that is gone."""
    fill(settled, 1)
    settled.by_hand(deed, "inboundcall", "Desk")
    found = drift(await settled.plan(watches=True))
    assert found == ["missing Desk" if deed == "delete" else "version Desk"]

    for _ in range(2):
        settled.clock.advance(300)
        report, _ = await look(settled)
        assert (drift(report), report.sync_status) == (found, SyncStatus.OUT_OF_SYNC)
        assert all(windows(settled))
    assert [call.route for call in settled.simulator.calls.log()] == [LISTED]

    settled.clock.advance(FULL_S)
    report, _ = await look(settled)
    assert (drift(report), windows(settled)) == (found, [False] * len(windows(settled)))


async def test_drift_that_changes_is_confirmed_by_a_full_look(settled: World) -> None:
    settled.by_hand("publish", "inboundcall", "Desk")
    await look(settled)
    settled.clock.advance(300)
    settled.by_hand("publish", "inboundcall", "Front")

    report, _ = await look(settled)

    assert drift(report) == ["version Desk", "version Front"]
    assert (windows(settled)[0], windows(settled)[-2:]) == (True, [False, False])


async def test_drift_that_a_new_commit_meets_is_confirmed_by_a_full_look(settled: World) -> None:
    settled.by_hand("publish", "inboundcall", "Desk")
    await look(settled)
    settled.flow("front", inbound("Front", says="New"))
    settled.commit()

    await look(settled)

    assert windows(settled) == [True, False, False]


async def test_a_pass_that_delivers_reads_all_flows_whatever_was_found_before(settled: World) -> None:
    """A plan that a look found before does not replace the full look that a delivery starts from."""
    fill(settled, 1)
    settled.flow("desk", inbound("Desk", says="New"))
    settled.commit()
    await look(settled)
    settled.by_hand("delete", "inboundcall", "Front")
    report, _ = await look(settled)
    assert (len(report.plan_or_raise().actions), drift(report)) == (1, [])

    report = await settled.apply(watches=True, full_look=False)

    assert drift(report) == ["missing Front"]


async def test_a_change_that_is_blocked_is_looked_at_whole_in_each_pass_that_may_deliver(settled: World) -> None:
    """The end of a lock shows in no window."""
    settled.flow("desk", inbound("Desk", says="New"))
    settled.commit()
    settled.by_hand("lock", "inboundcall", "Desk")
    for _ in range(2):
        settled.simulator.calls.clear()
        assert (await settled.apply(watches=True, full_look=False)).blocked
        assert windows(settled)[-2:] == [False, False]
    settled.by_hand("unlock", "inboundcall", "Desk")

    assert (await settled.apply(watches=True, full_look=False)).delivered


async def test_a_publish_of_a_flow_that_nobody_manages_costs_no_full_look(settled: World) -> None:
    fill(settled, 1)
    settled.clock.advance(10)

    report, calls = await look(settled)

    assert (report.sync_status, calls) == (SyncStatus.SYNCED, 1)
    assert FlowKey("inboundcall", "Other 0") in report.live


@pytest.mark.parametrize(
    ("deed", "expected"), [("delete", "missing Desk"), ("unpublish", "version Desk"), ("lock", "lock Desk")]
)
async def test_what_is_no_publish_shows_at_the_next_full_look(settled: World, deed: str, expected: str) -> None:
    settled.by_hand(deed, "inboundcall", "Desk")

    report, _ = await look(settled)
    assert (report.sync_status, drift(report)) == (SyncStatus.SYNCED, [])
    assert report.looked_fully_at is not None

    settled.clock.advance(FULL_S - (settled.clock.now() - report.looked_fully_at).total_seconds())
    report, _ = await look(settled)
    assert drift(report) == [expected]


async def test_a_lock_alone_causes_no_further_full_look(settled: World) -> None:
    """Somebody always has a flow open in an editor."""
    settled.by_hand("lock", "inboundcall", "Desk")
    settled.clock.advance(FULL_S)
    await look(settled)

    report, calls = await look(settled)

    assert (report.sync_status, drift(report), calls) == (SyncStatus.SYNCED, ["lock Desk"], 1)


@pytest.mark.parametrize("ahead_s", [-5400, -40, 40, 5400])
async def test_windows_follow_the_clock_of_the_organisation(settled: World, ahead_s: int) -> None:
    """A clock that is wrong by more than a window neither hides a publish nor asks for all of them."""
    ahead = timedelta(seconds=ahead_s)
    settled.simulator.clock = ShiftedClock(settled.clock, ahead)
    await settled.plan()
    settled.clock.advance(300)
    desk, ada = settled.simulator.flow("inboundcall", "Desk"), person(settled.simulator.organization, "Ada")
    version = settled.simulator.organization.add_version(desk, inbound("Desk"), ada, settled.clock.now() + ahead)
    go_live(settled.simulator.organization, desk, version, ada, settled.clock.now() + ahead)
    settled.clock.advance(1)

    report, _ = await look(settled)

    window = settled.simulator.calls.log("GET", LISTED)[0].query
    begun = settled.clock.now() + ahead - timedelta(seconds=361)
    assert f"publishedAfter={begun:%Y-%m-%dT%H%%3A%M%%3A%S}" in window
    assert drift(report) == ["version Desk"]


async def test_a_publish_that_the_index_shows_late_is_seen_in_the_next_window(settled: World) -> None:
    settled.simulator.configure(replace(settled.simulator.settings, listing_lag_s=50))
    settled.by_hand("publish", "inboundcall", "Desk")
    settled.clock.advance(40)

    report, _ = await look(settled)
    assert drift(report) == []

    settled.clock.advance(15)
    report, _ = await look(settled)
    assert drift(report) == ["version Desk"]


async def test_after_an_error_all_flows_are_read(settled: World) -> None:
    settled.by_hand("delete", "inboundcall", "Desk")
    settled.fault("html-error", match={"route": LISTED}, times=4)
    report, _ = await look(settled)
    assert report.error is not None

    report, _ = await look(settled)
    assert drift(report) == ["missing Desk"]


async def test_after_a_restart_and_after_a_reconnection_all_flows_are_read(settled: World) -> None:
    await settled.restart()
    settled.by_hand("delete", "inboundcall", "Desk")

    report, _ = await look(settled)

    assert drift(report) == ["missing Desk"]


async def test_a_clock_that_was_set_causes_a_full_look(settled: World) -> None:
    """Monotonic time stands still while a machine sleeps; the time of day may be set back."""
    for moved in (timedelta(seconds=FULL_S), timedelta(seconds=-FULL_S)):
        await look(settled)
        settled.services.looks._clock = ShiftedClock(settled.clock, moved)
        _, _ = await look(settled)
        assert not any("publishedAfter" in call.query for call in settled.simulator.calls.log("GET", LISTED))
        settled.services.looks._clock = settled.clock


async def test_many_publishes_in_one_window_are_all_read(settled: World) -> None:
    fill(settled, 3)
    settled.by_hand("publish", "inboundcall", "Front")
    settled.clock.advance(1)

    report, _ = await look(settled)

    windows = [call for call in settled.simulator.calls.log("GET", LISTED) if "publishedAfter" in call.query]
    assert len(windows) == 4
    assert drift(report) == ["version Front"]


async def test_a_new_commit_is_delivered_from_a_full_look(settled: World) -> None:
    """A lock that no window shows still keeps the change from being sent."""
    settled.flow("desk", inbound("Desk", says="New"))
    settled.commit()
    settled.by_hand("lock", "inboundcall", "Desk")

    report = await settled.apply(watches=True, full_look=False)

    [blocked] = report.blocked
    assert blocked.blocked is not None
    assert blocked.blocked.code == "flow-locked"
    assert settled.live("inboundcall", "Desk") == "1.0"


async def test_a_delivery_is_followed_by_a_full_look(settled: World) -> None:
    settled.flow("desk", inbound("Desk", says="New"))
    settled.commit()
    assert (await settled.apply(watches=True, full_look=False)).delivered
    settled.by_hand("delete", "inboundcall", "Front")

    report, _ = await look(settled)

    assert drift(report) == ["missing Front"]


async def test_a_person_who_plans_is_shown_everything(settled: World) -> None:
    settled.by_hand("unpublish", "inboundcall", "Desk")
    assert drift(await settled.plan()) == ["version Desk"]


@pytest.mark.parametrize("world", [ARCHITECT], indirect=True)
async def test_a_renamed_flow_is_known_by_its_id(settled: World) -> None:
    """The old name is gone as soon as the new one is published."""
    front = settled.simulator.flow("inboundcall", "Front")
    settled.simulator.organization.rename(front, "Entrance")
    settled.by_hand("publish", "inboundcall", "Entrance")
    settled.clock.advance(1)

    report, _ = await look(settled)

    assert FlowKey("inboundcall", "Front") not in report.live
    assert FlowKey("inboundcall", "Entrance") in report.live
