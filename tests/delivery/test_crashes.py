"""The process dies: at every single moment of a delivery, and the next process brings it to its end.

The moments are the events of a delivery; around each write there are three: after its intent, after the call, and
after its result.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from controller.delivery.result import Outcome, SyncContext
from controller.domain.desired import ErrorRateGate, OnNoData, Rollout
from controller.domain.status import StepState
from controller.simulator.settings import UnclearPublish
from tests.delivery.deaths import deaths
from tests.delivery.scenes import DESK, HOURS, OLD, three
from tests.delivery.site import NAME, SETTINGS, Crash, Site
from tests.support.audit import audit_entries
from tests.support.sources import inbound, module

pytestmark = pytest.mark.proof


def two(site: Site, says: str) -> None:
    """`desk` calls the module `hours`."""
    site.want("desk", inbound("Desk", says=says, calls=["Hours"]), rollout=Rollout(bake_s=10))
    site.want("hours", module("Hours", says=says))


async def test_a_first_delivery_converges_and_publishes_nothing_twice(site: Site, tmp_path: Path) -> None:
    two(site, "Hello")
    left = await deaths(site, tmp_path)
    assert len(left) > 20
    for event, other in left:
        await other.converge()

        assert other.publishes() == ["commonmodule/Hours 1.0", "inboundcall/Desk 1.0"], event
        assert {key.name: entry.version for key, entry in other.recorded.items()} == {"Hours": "1.0", "Desk": "1.0"}
        assert (await other.plan()).empty, event
        assert (await other.recover()).clean, event
        await other.close()


NO_DATA_NO_PASS = ErrorRateGate(60, 1, 0.1, OnNoData.FAIL)


@pytest.mark.parametrize(
    ("fails", "older"),
    [
        ("publish", UnclearPublish.WORKS),
        ("gate", UnclearPublish.WORKS),
        ("gate", UnclearPublish.SILENTLY_NOTHING),
    ],
)
async def test_a_delivery_that_fails_is_rolled_back_whenever_the_process_dies(
    site: Site, tmp_path: Path, fails: str, older: UnclearPublish
) -> None:
    """From the moment when the change that fails is on its way: before that, a crash only splits the sync."""
    two(site, "Hello")
    await site.deliver()
    two(site, "New")
    if fails == "gate":
        site.want("desk", inbound("Desk", says="New", calls=["Hours"]), gates=(NO_DATA_NO_PASS,))
    else:
        site.failing = "Desk"
    site.simulator.configure(replace(SETTINGS, older_version=older))
    begins = ("change.live", "desk", None) if fails == "gate" else ("write.answered", "desk", "upload")
    left = await deaths(
        site,
        tmp_path,
        first=lambda event: (event.name, event.flow, event.fields.get("action")) == begins,
        every=3 if older is UnclearPublish.SILENTLY_NOTHING else 1,
    )
    assert len(left) > 8
    for event, other in left:
        await other.converge()

        for key in (HOURS, DESK):
            published = other.simulator.flow(key.type, key.name).published
            assert published is not None
            assert "Hello" in published.text, (event, key)
            assert other.recorded[key].version == published.id, (event, key)
        assert other.bound(DESK, HOURS) in ("1.0", other.live()[str(HOURS)]), event
        assert {one.key for one in other.store.quarantines.active(NAME)} == {HOURS, DESK}, event
        assert (await other.recover()).clean, event
        times = Counter(other.publishes())
        assert all(count == 1 for flow, count in times.items() if not flow.endswith((" 1.0", "Desk 3.0"))), event
        assert max(times.values()) <= 3, event
        await other.close()


async def test_the_rest_of_a_bake_is_kept_not_begun_again(site: Site) -> None:
    site.want("desk", inbound("Desk"), rollout=Rollout(bake_s=300))
    site.crash_when = lambda event: event.name == "change.baking"
    with pytest.raises(Crash):
        await site.deliver()
    baking_since = site.clock.elapsed_s
    await site.restart()
    site.clock.advance(100)

    await site.recover()

    assert site.clock.elapsed_s == baking_since + 300 + 2
    assert (await site.plan()).empty


async def test_a_finished_but_unrecorded_delivery_is_handed_out_again_with_its_export(site: Site) -> None:
    three(site)
    plan = await site.plan()
    lease = site.lease()
    await site.delivery.deliver(site.organization, plan, lease, SyncContext("abc123", "ada", "test", dirty=True))
    await site.restart()

    found = await site.recover()

    assert len(found.to_record) == 3
    for step in found.to_record:
        assert step.export is not None
        assert (step.revision, step.dirty, step.state) == ("abc123", True, StepState.EXPORTED)
        assert step.source_digest is not None
    assert (await site.recover()).clean
    assert (await site.plan()).empty


async def test_a_lost_export_is_made_up_for_in_the_next_pass(site: Site) -> None:
    three(site)
    site.fault("job-fails", match={"method": "POST", "route": "/api/v2/flows/export/jobs"})
    result = await site.deliver()
    assert result.outcome is Outcome.SUCCEEDED
    assert {(step.state, step.export) for step in result.to_record} == {(StepState.HEALTHY, None)}
    assert (await site.plan()).empty
    assert (await site.recover()).to_record == ()
    site.simulator.faults.clear()

    found = await site.recover()

    assert [step.export is not None for step in found.to_record] == [True] * 3
    assert (await site.recover()).clean
    assert (await site.plan()).empty
    assert site.live() == OLD


async def test_another_controller_takes_over_and_the_first_one_cannot_write_any_more(site: Site) -> None:
    site.want("desk", inbound("Desk"), rollout=Rollout(bake_s=300))
    site.crash_when = lambda event: event.name == "change.baking"
    with pytest.raises(Crash):
        await site.deliver()
    await site.restart()
    site.clock.advance(61)
    lease = site.store.leases.acquire(NAME, "another")
    found = await site.delivery.recover(site.organization, lease)
    assert [step.state for step in found.to_record] == [StepState.EXPORTED]


async def test_every_migration_is_announced_exactly_once_whenever_the_process_dies(site: Site, tmp_path: Path) -> None:
    """A version that went live and one that was brought back; what was published twice over is announced as such."""
    site.settings = replace(site.settings, announce_to=("change-management",))
    site.delivery = site._delivery()
    two(site, "Hello")
    await site.deliver()
    two(site, "New")
    site.failing = "Desk"
    for event, other in await deaths(site, tmp_path):
        await other.converge()

        announced = Counter(
            (data["flow"], data["version"], data["action"], data["status"])
            for message in other.store.outbox.claim(limit=100)
            if isinstance(data := message.payload["data"], dict)
        )
        audited = Counter(
            (entry.flow, entry.version, entry.action, entry.status)
            for entry in audit_entries(other.store, NAME)
            if entry.webhook_synced is not None
        )
        assert announced == audited, event
        assert set(announced.values()) == {1}, (event, announced)
        live = {(flow, version) for flow, version, _, status in announced if status == "success"}
        assert {(flow, version) for flow, version in other.live().items() if version} <= live, event
        await other.close()
