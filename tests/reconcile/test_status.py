"""What `penstock status` tells is what a person needs who was just woken."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from controller.delivery.result import Outcome
from controller.delivery.sync_run import DeliveryEvent
from controller.domain.capabilities import ARCHITECT, VERSIONED
from controller.domain.status import Health, SyncStatus
from controller.questions.decisions import approve_plan
from controller.questions.status import FlowStatus, OrganizationStatus
from controller.reconcile.holder import own_name
from controller.reconcile.report import PassReport
from tests.reconcile.scenes import live, two_versions_live
from tests.support.dialects import BOTH
from tests.support.organizations import identity_of
from tests.support.sources import inbound
from tests.support.world import ORGANIZATION, Crash, Recording, World, said

BEGINS = {
    ARCHITECT: "/api/v2/flows/jobs",
    VERSIONED: "/api/v2/flows/{flowId}/versions/{versionId}/publish",
}
"""The call that begins a publish."""


async def look(world: World) -> tuple[PassReport, OrganizationStatus, FlowStatus]:
    """The pass, the organisation and its flow `front`."""
    report = await world.plan()
    status = world.status(report)
    return report, status, next(flow for flow in status.flows if flow.flow == "front")


async def test_a_rollback_that_failed_says_what_it_wanted_why_it_failed_and_what_to_do(world: World) -> None:
    await two_versions_live(world)
    world.fault("publish-fails", match={"flow": "Front"})
    world.fault("job-fails", match={"flow": "Front"})

    failed = await world.rollback("front")
    report, status, front = await look(world)

    assert failed.result.outcome is Outcome.ROLLBACK_FAILED
    assert (status.health, front.health, report.health) == (Health.DEGRADED,) * 3
    assert "1.0 could not be brought back" in front.message
    assert front.message.endswith("publish 1.0 in Architect, or try again: penstock rollback front --to 1.0")
    world.simulator.faults.clear()
    assert (await world.rollback("front", version="1.0")).result.outcome is Outcome.ROLLED_BACK
    assert (await look(world))[2].health is Health.HEALTHY


async def test_after_a_rollback_it_is_said_who_asked_for_it_and_how_it_goes_on(world: World) -> None:
    await two_versions_live(world)
    await world.rollback("front")

    _, status, front = await look(world)

    assert (front.health, front.version, front.change) == (Health.HEALTHY, "1.0", "publish")
    assert (
        "just this content of inboundcall/Front failed or was rolled back before (ada asked for 1.0); "
        "commit a change to it, or pass --retry" in front.message
    )
    assert status.last_sync is not None
    assert (status.last_sync.actor, status.last_sync.state.value) == ("ada", "rolled-back")


async def test_an_organisation_that_is_suspended_is_not_called_healthy(world: World) -> None:
    await two_versions_live(world)
    world.describe(suspend=True)
    world.commit()

    report, status, front = await look(world)

    assert (status.health, front.health, report.health) == (Health.SUSPENDED,) * 3
    assert (status.sync, front.sync) == (SyncStatus.UNKNOWN,) * 2, "nobody compares what is left alone"
    assert [each.code for each in status.held_back] == ["sync-suspended"]
    assert front.message == "organisation acme is suspended (spec.suspend)"
    assert report.plan_or_raise().suspended == ("front",)


async def test_a_suspended_flow_is_told_beside_the_others(world: World) -> None:
    await two_versions_live(world, aside=inbound("Aside"))
    world.flow("front", inbound("Front", says="Third"), suspend=True)
    world.commit()

    report, status, front = await look(world)

    assert (status.health, front.health) == (Health.SUSPENDED, Health.SUSPENDED)
    assert [flow.health for flow in status.flows] == [Health.HEALTHY, Health.SUSPENDED]
    assert [flow.sync for flow in status.flows] == [SyncStatus.SYNCED, SyncStatus.UNKNOWN]
    assert status.sync is SyncStatus.SYNCED
    assert report.plan_or_raise().suspended == ("front",)


async def test_a_delivery_that_waits_for_its_window_or_for_a_person_says_so(world: World) -> None:
    await two_versions_live(world)
    lunch = {"kind": "deny", "schedule": "0 12 * * *", "duration": "1h30m", "timezone": "UTC"}
    world.describe(sync={"mode": "manual"}, windows=[lunch])
    world.commit()
    assert world.status(await world.plan()).held_back == (), "nothing is to be done"
    world.flow("front", inbound("Front", says="Third"))
    world.commit()

    report, status, _ = await look(world)
    approve_plan(world.services, ORGANIZATION, report.plan_or_raise().digest, by="ada")
    approved = (await look(world))[1]
    world.clock.advance(5400)
    after = (await look(world))[1]

    unapproved, closed = status.held_back
    assert (unapproved.flow, unapproved.code, closed.code) == (None, "not-confirmed", "window-closed")
    assert "acme: deny window '0 12 * * *' for 1 h 30 min (UTC) denies changes" in closed.message
    assert [each.code for each in approved.held_back] == ["window-closed"]
    assert after.held_back == ()


@BOTH
async def test_what_failed_and_is_tried_again_says_why_it_failed(world: World) -> None:
    world.flow("front", inbound("Front"))
    world.commit()
    world.fault("http-5xx", status=502, match={"method": "POST", "route": BEGINS[world.dialect]})
    assert not (await world.apply()).delivered

    _, _, failed = await look(world)
    world.simulator.faults.clear()
    assert (await world.apply()).delivered
    _, _, after = await look(world)

    assert "; the last try failed: " in failed.message
    assert "502" in failed.message
    assert "failed" not in after.message


@BOTH
async def test_what_a_delivery_in_the_middle_made_live_is_no_drift_and_needs_no_approval(world: World) -> None:
    """Neither while it runs, nor after a crash."""
    await live(world, front=inbound("Front"), desk=inbound("Desk"))
    world.describe(sync={"mode": "manual"})
    world.flow("front", inbound("Front", says="New"))
    world.flow("desk", inbound("Desk", says="New"), rollout={"bake": "10m"})
    world.commit()
    said_so = said(approved_digest=(await world.plan()).plan_or_raise().digest)
    seen: set[str] = set()

    def crash(event: DeliveryEvent) -> bool:
        seen.add(f"{event.name} {event.flow}")
        return {"change.exported front", "change.baking desk"} <= seen

    with pytest.raises(Crash):
        await world.apply(Recording(crash), confirmations=said_so)

    _, status, front = await look(world)

    assert status.drift == ()
    assert status.held_back == ()
    assert (front.sync, front.message) == (SyncStatus.OUT_OF_SYNC, "2.0 is live, and is to be recorded")
    assert [flow.health for flow in status.flows] == [Health.PROGRESSING, Health.HEALTHY]


async def test_removals_that_nobody_confirmed_are_named_and_the_rest_is_not_held_back(world: World) -> None:
    await two_versions_live(world, aside=inbound("Aside"))
    world.remove("aside")
    world.flow("front", inbound("Front", says="Third"))
    world.describe(sync={"prune": True})
    world.commit()

    _, status, _ = await look(world)

    [held] = status.held_back
    assert (held.flow, held.code) == ("aside", "not-confirmed")
    assert "--confirm-prune" in str(held)


async def test_a_controller_that_is_at_work_is_named(world: World) -> None:
    await two_versions_live(world)
    lease = world.services.store.leases.acquire(identity_of(world), "pod-7", manifest=ORGANIZATION)

    assert (await look(world))[1].at_work == "pod-7"
    world.services.store.leases.release(lease)
    assert (await look(world))[1].at_work is None


async def test_a_controller_whose_process_ended_is_not_at_work(world: World) -> None:
    """Its lease lasts for a while yet, but the next controller takes over at once."""
    await two_versions_live(world)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    holder = own_name().replace(f":{os.getpid()}@", f":{ended.pid}@")
    world.services.store.leases.acquire(identity_of(world), holder, manifest=ORGANIZATION)

    assert (await look(world))[1].at_work is None
