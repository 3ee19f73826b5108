"""What only one of the dialects does, over the same world as the scenarios."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from controller.delivery.result import Outcome
from controller.domain.capabilities import VERSIONED
from controller.domain.errors.manifest import ManifestInvalid
from controller.domain.status import StepState, SyncStatus
from controller.planning.model import ChangeKind
from tests.reconcile.scenes import kinds, three_flows_live
from tests.support.sources import inbound, module
from tests.support.world import SECRET, World, said

PUBLISH = "/api/v2/flows/{flowId}/versions/{versionId}/publish"
VERSIONS = "/api/v2/routing/flows/{flowId}/versions"
SWITCH = "/api/v2/routing/flows/{flowId}"


@pytest.fixture
async def versioned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setenv("ACME_ID", "penstock")
    monkeypatch.setenv("ACME_SECRET", SECRET)
    made = World(tmp_path, dialect=VERSIONED)
    yield made
    await made.close()


# The architect dialect publishes files, so it can bind callers anew and unpublish.


async def test_a_changed_module_republishes_its_callers_and_nothing_else(world: World) -> None:
    await three_flows_live(world, aside=inbound("Aside"))
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


async def test_pruning_unpublishes_what_nobody_uses_once_a_person_confirms(world: World) -> None:
    await three_flows_live(world, aside=inbound("Aside"))
    world.describe(sync={"prune": True})
    world.remove("aside")
    world.commit()

    refused = await world.apply()
    report = await world.apply(confirmations=said(prune=True))

    assert refused.error is not None
    assert refused.error.code == "not-confirmed"
    assert [change.kind for change in report.plan_or_raise().actions] == [ChangeKind.UNPUBLISH]
    assert world.live("inboundcall", "Aside") is None
    await world.assert_settled()


async def test_pruning_deletes_where_the_manifest_says_so_and_the_record_forgets_the_flow(world: World) -> None:
    await three_flows_live(world, aside=inbound("Aside"))
    world.describe(sync={"prune": True, "removal": "delete"})
    world.remove("aside")
    world.commit()

    refused = await world.apply()
    assert refused.error is not None
    assert refused.error.code == "not-confirmed"
    assert world.live("inboundcall", "Aside") == "1.0"
    report = await world.apply(confirmations=said(prune=True))

    assert [change.kind for change in report.plan_or_raise().actions] == [ChangeKind.DELETE]
    assert report.delivered, report.error
    assert "inboundcall/Aside" not in world.versions()
    assert "Aside" not in world.git("show", "origin/penstock/records:artifacts/acme/penstock.lock.yaml")
    assert "artifacts/acme/aside/1.0.yaml" in world.git("ls-tree", "-r", "--name-only", "origin/penstock/records")
    await world.assert_settled()


async def test_publishing_replaces_the_active_version_so_that_the_lowest_limit_of_active_versions_is_kept(
    world: World,
) -> None:
    world.describe(safety={"maxActiveVersions": 1})
    for says in ("One", "Two"):
        world.flow("front", inbound("Front", says=says))
        world.commit()
        assert (await world.apply()).delivered
    world.by_hand("checkin", "inboundcall", "Front", inbound("Front", says="Three"))
    world.manifest("front", type="inboundcall", name="Front", source={"version": "3.0"})
    world.commit()

    report = await world.apply()

    assert report.delivered, report.error
    assert kinds(report) == {"front": "switch"}
    assert world.live("inboundcall", "Front") == "3.0"
    await world.assert_settled()


# The versioned dialect has stages and an atomic switch, and a version keeps what it was bound to.


async def test_a_version_that_was_live_before_is_reached_by_one_atomic_switch(versioned: World) -> None:
    await three_flows_live(versioned)
    versioned.flow("desk", inbound("Desk", says="Second", calls=["Hours"]))
    versioned.commit()
    await versioned.apply()
    versioned.simulator.calls.clear()
    versioned.manifest("desk", type="inboundcall", name="Desk", source={"version": "1.0"})
    versioned.commit()

    report = await versioned.apply()

    assert report.delivered, report.error
    assert versioned.simulator.calls.count("PUT", SWITCH) == 1
    assert versioned.simulator.calls.count("POST", PUBLISH) == 0
    assert versioned.live("inboundcall", "Desk") == "1.0"


async def test_one_more_active_version_than_allowed_is_blocked_in_the_plan_for_one_call(versioned: World) -> None:
    """Flows that stay as they are cost nothing."""
    await three_flows_live(versioned)
    versioned.describe(safety={"maxActiveVersions": 1})
    versioned.flow("front", inbound("Front", says="Second"))
    versioned.commit()
    await versioned.plan()
    versioned.simulator.calls.clear()

    plan = (await versioned.plan()).plan_or_raise()
    report = await versioned.apply()

    assert versioned.simulator.calls.count("GET", VERSIONS) == 2, "one for each of the two"
    [change] = plan.actions
    assert change.blocked is not None
    assert change.blocked.code == "safety-limit"
    assert "1 version is active of inboundcall/Front, and 2.0 would be one more" in change.blocked.message
    assert plan.digest == report.plan_or_raise().digest
    assert report.result is None
    assert versioned.live("inboundcall", "Front") == "1.0"


async def test_a_staged_rollout_takes_as_long_as_its_stages(versioned: World) -> None:
    shares = [(10, "5m"), (50, "10m"), (100, "0s")]
    rollout = {"stages": [{"percentage": share, "duration": duration} for share, duration in shares]}
    versioned.flow("hours", module("Hours"))
    versioned.commit()
    await versioned.apply()
    versioned.flow("hours", module("Hours", says="We are open"), rollout=rollout)
    versioned.commit()
    began_s = versioned.clock.elapsed_s

    report = await versioned.apply()

    assert report.delivered, report.error
    assert 900 <= versioned.clock.elapsed_s - began_s < 1000
    assert versioned.live("commonmodule", "Hours") == "2.0"
    await versioned.assert_settled()


async def test_a_failed_delivery_is_taken_back_by_the_publish_of_the_version_before(versioned: World) -> None:
    await three_flows_live(versioned)
    versioned.flow("hours", module("Hours", says="We are open"))
    versioned.flow("desk", inbound("Desk", says="Second", calls=["Hours"]))
    versioned.commit()
    versioned.fault("publish-fails", match={"flow": "Desk"})
    versioned.simulator.calls.clear()

    report = await versioned.apply()

    assert report.result.outcome is Outcome.ROLLED_BACK
    assert {step.change.flow: step.state for step in report.result.steps} == {
        "hours": StepState.ROLLED_BACK,
        "desk": StepState.FAILED,
    }
    assert versioned.simulator.calls.count("POST", PUBLISH) == 3
    assert versioned.simulator.calls.count("PUT", SWITCH) == 0
    assert versioned.live("commonmodule", "Hours") == "1.0"


async def test_a_pinned_caller_stays_bound_to_the_module_it_was_published_with_and_the_plan_says_so(
    versioned: World,
) -> None:
    await three_flows_live(versioned)
    versioned.flow("hours", module("Hours", says="We are open"))
    versioned.commit()
    assert kinds(await versioned.apply()) == {"hours": "switch"}

    report = await versioned.plan()

    assert report.plan_or_raise().empty
    bound = {(drift.flow, drift.kind, drift.expected, drift.actual) for drift in report.plan_or_raise().drift}
    assert bound == {("desk", "stale-binding", "2.0", "1.0"), ("front", "stale-binding", "2.0", "1.0")}
    assert report.sync_status is SyncStatus.OUT_OF_SYNC


async def test_a_flow_file_is_refused_when_it_is_loaded(versioned: World) -> None:
    (versioned.clone / "flows").mkdir()
    (versioned.clone / "flows" / "desk.yaml").write_text(inbound("Desk"))
    versioned.manifest("desk", source={"file": "flows/desk.yaml"})
    versioned.commit()

    report = await versioned.plan()

    assert isinstance(report.error, ManifestInvalid)
    assert [mistake.code for mistake in report.error.mistakes] == ["capability-missing"]
