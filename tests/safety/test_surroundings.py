"""Clocks that are set, disks that are full, and quarantines that have done their work."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from controller.delivery.result import Outcome
from controller.domain.desired import Rollout
from controller.store.audit import AuditEntry
from controller.store.store import Store
from tests.delivery.site import Site
from tests.support.audit import audit_entries
from tests.support.clock import SteppedClock
from tests.support.sources import inbound
from tests.support.world import World


@pytest.mark.parametrize("hours", [-30, 30])
async def test_a_clock_that_is_set_while_a_flow_bakes_changes_nothing_about_how_long(site: Site, hours: int) -> None:
    site.want("desk", inbound("Desk"), rollout=Rollout(bake_s=600))

    def jump() -> None:
        site.clock.start += timedelta(hours=hours)

    def set_the_clock(event: object) -> bool:
        if getattr(event, "name", "") == "change.baking":
            asyncio.get_running_loop().call_soon(jump)
        return False

    site.settings = type(site.settings)(lease_ttl_s=200 * 3600)
    site.delivery = site._delivery()
    site.crash_when = set_the_clock
    lease = site.store.leases.acquire("acme", "controller", ttl_s=200 * 3600)
    before = site.clock.monotonic()

    result = await site.deliver(lease=lease)

    assert result.outcome is Outcome.SUCCEEDED
    assert 600 <= site.clock.monotonic() - before < 700


async def test_a_full_disk_below_the_audit_files_is_told_and_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "audit").write_text("a file stands where the folder should be")
    folder = tmp_path / "audit"
    with Store.open(f"sqlite:///{tmp_path}/s.db", clock=SteppedClock(), audit_folder=folder) as store:
        with capture_logs() as events:
            store.audit.append(AuditEntry("acme", "publish", "success", "ada"))
        assert [entry.action for entry in audit_entries(store)] == ["publish"]
    assert [(event["event"], event["log_level"]) for event in events] == [("audit.not-copied", "error")]


async def test_what_was_tried_again_and_is_healthy_is_in_quarantine_no_more(world: World) -> None:
    world.describe(sync={"heal": True})
    world.flow("front", inbound("Front"))
    world.commit()
    assert (await world.apply()).delivered
    world.flow("front", inbound("Front", says="Second"))
    world.commit()
    world.fail_publishes_of("Front")
    assert not (await world.apply()).delivered
    world.simulator.faults.clear()
    assert [change.blocked.code for change in (await world.plan()).blocked] == ["quarantined"]

    assert (await world.apply(retry=True)).delivered

    assert world.services.store.quarantines.active("acme") == ()
    world.by_hand("publish", "inboundcall", "Front", inbound("Front", says="By hand"))
    assert (await world.apply()).delivered, "healing is not held back by a quarantine that was refuted"
    await world.assert_settled()


async def test_what_fails_again_stays_in_quarantine(world: World) -> None:
    world.flow("front", inbound("Front"))
    world.commit()
    world.fail_publishes_of("Front")
    assert not (await world.apply()).delivered
    assert not (await world.apply(retry=True)).delivered

    assert len(world.services.store.quarantines.active("acme")) == 1
