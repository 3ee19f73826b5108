"""One pass after another over a whole world, on either dialect: git, client, simulator, journal.

An author asks for content. On the architect dialect that is a flow file; on the versioned one a version that was
checked in, which the manifest pins. Everything after that is told once, for both.
"""

from __future__ import annotations

from controller.delivery.result import Outcome
from controller.domain.capabilities import ARCHITECT, VERSIONED
from controller.domain.errors.delivery import PlanStale
from controller.domain.errors.organization import RateLimited, ServerFault
from controller.domain.errors.repository import DirtyTree
from controller.domain.status import StepState, SyncStatus
from tests.reconcile.scenes import kinds, three_flows, three_flows_live
from tests.support.dialects import BOTH
from tests.support.sources import inbound, module
from tests.support.world import World

VERSION_CONTENT = {
    ARCHITECT: "/api/v2/flows/{flowId}/versions/{versionId}/configuration",
    VERSIONED: "/api/v2/flows/{flowId}/versions/{versionId}",
}


pytestmark = BOTH


async def test_the_first_delivery_publishes_callees_before_callers_and_records_them(world: World) -> None:
    three_flows(world)
    revision = world.commit()

    report = await world.apply()

    kind = {ARCHITECT: "create", VERSIONED: "switch"}[world.dialect]
    assert kinds(report) == {"front": kind, "desk": kind, "hours": kind}
    assert report.delivered, report.error
    assert world.publishes() == ["commonmodule/Hours", "inboundcall/Desk", "inboundcall/Front"]
    assert {step.state for step in report.result.steps} == {StepState.RECORDED}
    assert {step.state for sync in world.services.store.journal.history() for step in sync.steps} == {
        StepState.RECORDED
    }
    message = world.git("log", "-1", "--format=%B", "origin/penstock/records")
    assert "hours 1.0" in message
    assert f"Penstock-Revision: {revision}" in message
    exported = {ARCHITECT: "1.0.yaml", VERSIONED: "1.0.json"}[world.dialect]
    assert exported in world.git("ls-tree", "-r", "--name-only", "origin/penstock/records")
    await world.assert_settled()


async def test_a_pass_over_a_settled_organisation_costs_one_listing(world: World) -> None:
    three_flows(world)
    world.commit()
    await world.apply()
    world.simulator.calls.clear()

    report = await world.apply()

    assert report.plan_or_raise().empty
    assert world.simulator.calls.report()["calls"] == [
        {"method": "GET", "route": "/api/v2/flows", "count": 1, "statuses": {"200": 1}}
    ]


async def test_own_commits_leave_a_clone_behind_that_still_plans_right(world: World) -> None:
    three_flows(world)
    world.commit()
    before = world.git("rev-parse", "HEAD")
    await world.apply()
    world.git("reset", "--quiet", "--hard", before)

    report = await world.plan()

    assert report.plan_or_raise().empty


async def test_a_changed_flow_is_delivered_and_nothing_else(world: World) -> None:
    await three_flows_live(world)
    world.flow("desk", inbound("Desk", says="Second", calls=["Hours"]))
    world.commit()

    report = await world.apply()

    kind = {ARCHITECT: "publish", VERSIONED: "switch"}[world.dialect]
    assert kinds(report) == {"desk": kind}
    assert report.delivered, report.error
    assert world.versions() == {"commonmodule/Hours": "1.0", "inboundcall/Desk": "2.0", "inboundcall/Front": "1.0"}
    await world.assert_settled()


async def test_a_failed_publish_rolls_everything_back_and_is_not_tried_again(world: World) -> None:
    await three_flows_live(world)
    before = world.versions()
    world.flow("hours", module("Hours", says="We are open"))
    world.flow("desk", inbound("Desk", says="Desk", calls=["Hours"]))
    world.flow("front", inbound("Front", says="Front", calls=["Hours"], transfers=["Desk"]))
    world.commit()
    world.fail_publishes_of("Desk")

    report = await world.apply()

    assert report.result.outcome is Outcome.ROLLED_BACK
    states = {step.change.flow: step.state for step in report.result.steps}
    assert states == {"hours": StepState.ROLLED_BACK, "desk": StepState.FAILED, "front": StepState.SKIPPED}
    assert world.versions() == before
    world.simulator.faults.clear()
    again = await world.plan()
    assert [change.blocked.code for change in again.plan_or_raise().actions if change.flow == "desk"] == ["quarantined"]
    assert (await world.plan(retry=True)).plan_or_raise().summary()["blocked"] == 0
    world.assert_no_secret()


async def test_a_revert_after_a_rollback_leaves_nothing_to_do(world: World) -> None:
    await three_flows_live(world)
    world.flow("desk", inbound("Desk", says="Desk", calls=["Hours"]))
    world.commit()
    world.fail_publishes_of("Desk")
    assert (await world.apply()).result.outcome is Outcome.FAILED
    world.simulator.faults.clear()
    world.git("revert", "--no-edit", "HEAD")
    world.git("push", "--quiet", "origin", "HEAD:main")

    await world.assert_settled()


async def test_a_version_published_by_hand_is_reported_and_left_alone(world: World) -> None:
    await three_flows_live(world)
    world.by_hand("publish", "inboundcall", "Desk")

    report = await world.apply()

    plan = report.plan_or_raise()
    assert plan.empty
    assert [(drift.flow, drift.kind, drift.actual) for drift in plan.drift] == [("desk", "version", "2.0")]
    assert report.sync_status is SyncStatus.OUT_OF_SYNC
    assert world.live("inboundcall", "Desk") == "2.0"


async def test_a_flow_unpublished_by_hand_is_reported_and_left_alone(world: World) -> None:
    await three_flows_live(world)
    world.by_hand("unpublish", "inboundcall", "Front")

    report = await world.apply()

    assert [(drift.flow, drift.kind, drift.actual) for drift in report.plan_or_raise().drift] == [
        ("front", "version", None)
    ]
    assert report.sync_status is SyncStatus.OUT_OF_SYNC
    assert world.live("inboundcall", "Front") is None


async def test_healing_puts_back_what_was_published_by_hand(world: World) -> None:
    await three_flows_live(world)
    world.describe(sync={"heal": True})
    world.commit()
    world.by_hand("publish", "inboundcall", "Desk", text=inbound("Desk", says="By hand"))

    report = await world.apply()

    assert kinds(report) == {"desk": "restore"}
    assert report.delivered, report.error
    await world.assert_settled()


async def test_a_flow_that_a_person_holds_is_left_alone_and_the_person_named(world: World) -> None:
    await three_flows_live(world)
    world.flow("desk", inbound("Desk", says="Second", calls=["Hours"]))
    world.commit()
    world.by_hand("lock", "inboundcall", "Desk", person="Grace Hopper")

    report = await world.apply()

    [change] = report.blocked
    assert change.blocked
    assert (report.delivered, report.sync_status) == (False, SyncStatus.OUT_OF_SYNC)
    assert len(world.services.store.journal.history()) == 1, "there is nothing to begin, so no sync is kept"
    assert change.blocked.code == "flow-locked"
    assert "Grace Hopper" in change.blocked.message
    assert world.live("inboundcall", "Desk") == "1.0"
    world.by_hand("unlock", "inboundcall", "Desk", person="Grace Hopper")
    assert (await world.apply()).delivered
    assert world.live("inboundcall", "Desk") == "2.0"


async def test_what_is_held_back_keeps_the_organisation_out_of_sync_although_the_rest_is_delivered(
    world: World,
) -> None:
    await three_flows_live(world)
    world.flow("desk", inbound("Desk", says="Second", calls=["Hours"]))
    world.commit()
    world.fail_publishes_of("Desk")
    await world.apply()
    world.simulator.faults.clear()
    world.flow("aside", inbound("Aside"))
    world.commit()

    report = await world.apply()

    assert report.result.outcome is Outcome.INCOMPLETE
    assert world.live("inboundcall", "Aside") == "1.0"
    assert [change.flow for change in report.blocked] == ["desk"]
    assert (report.delivered, report.sync_status) == (False, SyncStatus.OUT_OF_SYNC)


async def test_flows_that_are_live_already_are_adopted_without_a_publish(world: World) -> None:
    three_flows(world)
    world.publish_all_by_hand()
    world.commit()
    before = world.publishes()

    report = await world.apply()

    assert set(kinds(report).values()) == {"adopt"}
    assert report.delivered, report.error
    assert world.publishes() == before
    await world.assert_settled()


async def test_a_pinned_version_is_switched_to_and_back(world: World) -> None:
    await three_flows_live(world)
    world.flow("desk", inbound("Desk", says="Second", calls=["Hours"]))
    world.commit()
    await world.apply()

    for version in ("1.0", "2.0"):
        world.manifest("desk", type="inboundcall", name="Desk", source={"version": version})
        world.commit()
        report = await world.apply()
        assert kinds(report) == {"desk": "switch"}
        assert world.live("inboundcall", "Desk") == version
        await world.assert_settled()


async def test_a_version_that_is_not_there_is_refused_with_those_that_are(world: World) -> None:
    await three_flows_live(world)
    world.manifest("desk", type="inboundcall", name="Desk", source={"version": "9.0"})
    world.commit()

    report = await world.apply()

    [change] = report.blocked
    assert change.blocked is not None
    assert change.blocked.code == "no-such-version"
    assert "1.0" in change.blocked.message
    assert world.live("inboundcall", "Desk") == "1.0"


async def test_uncommitted_changes_are_refused_and_named(world: World) -> None:
    three_flows(world)
    world.commit()
    world.flow("desk", inbound("Desk", says="Not committed"))

    report = await world.apply()

    assert isinstance(report.error, DirtyTree)
    assert "desk.yaml" in report.error.message
    assert world.publishes() == []


async def test_a_plan_that_was_looked_at_is_refused_when_it_went_stale(world: World) -> None:
    three_flows(world)
    world.commit()
    digest = (await world.plan()).plan_or_raise().digest
    world.flow("hours", module("Hours", says="Changed meanwhile"))
    world.commit()

    report = await world.apply(expected_digest=digest)

    assert isinstance(report.error, PlanStale)
    assert world.publishes() == []


async def test_a_plan_that_was_looked_at_is_refused_when_the_organisation_moved(world: World) -> None:
    await three_flows_live(world)
    world.flow("desk", inbound("Desk", says="Second", calls=["Hours"]))
    world.commit()
    digest = (await world.plan()).plan_or_raise().digest
    world.by_hand("publish", "inboundcall", "Desk")
    before = world.publishes()

    report = await world.apply(expected_digest=digest)

    assert isinstance(report.error, PlanStale)
    assert world.publishes() == before


async def test_the_plan_that_plan_shows_is_the_plan_that_apply_carries_out(world: World) -> None:
    three_flows(world)
    world.commit()
    shown = (await world.plan()).plan_or_raise()

    report = await world.apply(expected_digest=shown.digest)

    assert report.plan_or_raise() == shown
    assert [step.change for step in report.result.steps] == list(shown.actions)


async def test_a_rate_limit_is_waited_for(world: World) -> None:
    three_flows(world)
    world.commit()
    world.fault("http-429", times=3, retry_after_s=7)

    report = await world.apply()

    assert not isinstance(report.error, RateLimited)
    assert report.delivered
    await world.assert_settled()


async def test_a_manifest_that_is_gone_leaves_its_flow_alone_and_says_so(world: World) -> None:
    await three_flows_live(world, aside=inbound("Aside"))
    world.remove("aside")
    world.commit()

    report = await world.apply()

    assert [drift.kind for drift in report.plan_or_raise().drift] == ["orphaned"]
    assert world.live("inboundcall", "Aside") == "1.0"


async def test_an_organisation_that_fails_while_it_is_observed_ends_the_pass_with_its_error(world: World) -> None:
    """What several reads at once run into is one error, which the service can wait and try again after."""
    three_flows(world)
    world.publish_all_by_hand()
    for flow, name in (("desk", "Desk"), ("front", "Front")):
        _, version = world._check_in(inbound(name, says="New"))
        world.manifest(flow, type="inboundcall", name=name, source={"version": version})
    world.commit()
    world.fault("http-5xx", match={"route": VERSION_CONTENT[world.dialect]})

    report = await world.apply()

    assert isinstance(report.error, ServerFault)
    world.simulator.faults.clear()
    assert (await world.apply()).delivered
