"""One pass after another over a whole world: git, client, simulator, journal."""

from __future__ import annotations

from controller.delivery import Outcome
from controller.domain.errors import DirtyTree, PlanStale, RateLimited
from controller.domain.status import StepState, SyncStatus
from controller.planning import ChangeKind
from tests.support.sources import inbound, module
from tests.support.world import World, said


def kinds(report) -> dict[str, str]:
    return {change.flow: change.kind.value for change in report.plan_or_raise().actions}


def three_flows(world: World) -> None:
    """`front` transfers to `desk`, and both call the module `hours`."""
    world.flow("front", inbound("Front", calls=["Hours"], transfers=["Desk"]))
    world.flow("desk", inbound("Desk", calls=["Hours"]))
    world.flow("hours", module("Hours"))


async def test_the_first_delivery_publishes_callees_before_callers_and_records_them(world: World) -> None:
    three_flows(world)
    revision = world.commit()

    report = await world.apply()

    assert kinds(report) == {"front": "create", "desk": "create", "hours": "create"}
    assert report.delivered, report.error
    assert world.publishes() == ["commonmodule/Hours", "inboundcall/Desk", "inboundcall/Front"]
    assert {step.state for step in report.result.steps} == {StepState.RECORDED}
    assert {step.state for sync in world.services.store.journal.history() for step in sync.steps} == {
        StepState.RECORDED
    }
    message = world.git("log", "-1", "--format=%B", "origin/main")
    assert "hours 1.0" in message
    assert f"Penstock-Revision: {revision}" in message
    assert "1.0.yaml" in world.git("ls-tree", "-r", "--name-only", "origin/main")
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


async def test_a_changed_module_republishes_its_callers_and_nothing_else(world: World) -> None:
    three_flows(world)
    world.flow("aside", inbound("Aside"))
    world.commit()
    await world.apply()
    world.flow("hours", module("Hours", says="We are open"))
    world.commit()

    report = await world.apply(confirmations=said(force=True))

    assert kinds(report) == {"hours": "publish", "desk": "republish", "front": "republish"}
    assert world.versions() == {
        "commonmodule/Hours": "2.0",
        "inboundcall/Desk": "2.0",
        "inboundcall/Front": "2.0",
        "inboundcall/Aside": "1.0",
    }
    await world.assert_settled()


async def test_a_failed_publish_rolls_everything_back_and_is_not_tried_again(world: World) -> None:
    three_flows(world)
    world.commit()
    await world.apply()
    before = world.versions()
    world.flow("hours", module("Hours", says="We are open"))
    world.flow("desk", inbound("Desk", says="Desk", calls=["Hours"]))
    world.commit()
    world.fault("job-fails", match={"flow": "Desk"})

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
    three_flows(world)
    world.commit()
    await world.apply()
    world.flow("desk", inbound("Desk", says="Desk", calls=["Hours"]))
    world.commit()
    world.fault("job-fails", match={"flow": "Desk"})
    await world.apply()
    world.simulator.faults.clear()
    world.git("revert", "--no-edit", "HEAD")
    world.git("push", "--quiet", "origin", "HEAD:main")

    await world.assert_settled()


async def test_a_version_published_by_hand_is_reported_and_left_alone(world: World) -> None:
    three_flows(world)
    world.commit()
    await world.apply()
    world.by_hand("publish", "inboundcall", "Desk")

    report = await world.apply()

    plan = report.plan_or_raise()
    assert plan.empty
    assert [(drift.flow, drift.kind, drift.actual) for drift in plan.drift] == [("desk", "version", "2.0")]
    assert report.sync_status is SyncStatus.OUT_OF_SYNC
    assert world.live("inboundcall", "Desk") == "2.0"


async def test_healing_puts_back_what_was_published_by_hand(world: World) -> None:
    world.describe(sync={"heal": True})
    three_flows(world)
    world.commit()
    await world.apply()
    world.by_hand("publish", "inboundcall", "Desk", text=inbound("Desk", says="By hand"))

    report = await world.apply()

    assert kinds(report) == {"desk": "restore"}
    await world.assert_settled()


async def test_flows_that_are_live_already_are_adopted_without_a_publish(world: World) -> None:
    three_flows(world)
    world.simulator.load_folder(world.clone / "flows")
    world.commit()
    world.simulator.calls.clear()

    report = await world.apply()

    assert set(kinds(report).values()) == {"adopt"}
    assert world.simulator.calls.count("POST", "/api/v2/flows/jobs") == 0
    await world.assert_settled()


async def test_a_pinned_version_is_switched_to_and_back(world: World) -> None:
    three_flows(world)
    world.commit()
    await world.apply()
    world.flow("desk", inbound("Desk", says="Second", calls=["Hours"]))
    world.commit()
    await world.apply()
    world.manifest("desk", type="inboundcall", name="Desk", source={"version": "1.0"})
    world.commit()

    report = await world.apply()

    assert kinds(report) == {"desk": "switch"}
    assert world.live("inboundcall", "Desk") == "1.0"
    await world.assert_settled()


async def test_uncommitted_changes_are_refused_and_named(world: World) -> None:
    three_flows(world)
    world.commit()
    world.flow("desk", inbound("Desk", says="Not committed"))

    report = await world.apply()

    assert isinstance(report.error, DirtyTree)
    assert "flows/desk.yaml" in report.error.message
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
    three_flows(world)
    world.flow("aside", inbound("Aside"))
    world.commit()
    await world.apply()
    world.remove("aside")
    world.commit()

    report = await world.apply()

    assert [drift.kind for drift in report.plan_or_raise().drift] == ["orphaned"]
    assert world.live("inboundcall", "Aside") == "1.0"


async def test_pruning_unpublishes_what_nobody_uses_once_a_person_confirms(world: World) -> None:
    world.describe(sync={"prune": True})
    three_flows(world)
    world.flow("aside", inbound("Aside"))
    world.commit()
    await world.apply()
    world.remove("aside")
    world.commit()

    refused = await world.apply()
    report = await world.apply(confirmations=said(prune=True))

    assert refused.error is not None
    assert refused.error.code == "not-confirmed"
    assert [change.kind for change in report.plan_or_raise().actions] == [ChangeKind.UNPUBLISH]
    assert world.live("inboundcall", "Aside") is None
    await world.assert_settled()
