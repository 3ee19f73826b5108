"""The process dies: at every single moment of a delivery, and the next process brings it to its end.

The moments are found by delivering once without dying and counting the events; around each write there are three:
after its intent, after the call, and after its result.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from controller.delivery import DeliveryEvent, Outcome, SyncContext
from controller.domain.desired import Rollout
from controller.domain.status import StepState
from controller.simulator import UnclearPublish
from tests.delivery.scenes import DESK, HOURS, OLD, three
from tests.delivery.site import NAME, SETTINGS, Crash, Site
from tests.support.sources import inbound, module


def nth(number: int) -> Callable[[DeliveryEvent], bool]:
    seen = 0

    def crash(_event: DeliveryEvent) -> bool:
        nonlocal seen
        seen += 1
        return seen == number

    return crash


def two(site: Site, says: str) -> None:
    """`desk` calls the module `hours`."""
    site.want("desk", inbound("Desk", says=says, calls=["Hours"]), rollout=Rollout(bake_s=60))
    site.want("hours", module("Hours", says=says))


async def crash_at(site: Site, number: int) -> bool:
    """Deliver and die at that event, then start again; whether there was such an event."""
    site.crash_when = nth(number)
    try:
        await site.deliver()
    except Crash:
        await site.restart()
        return True
    return False


async def moments(folder: Path, prepare: Callable[[Site], None], *, delivered: bool) -> int:
    """How many events one whole delivery has."""
    folder.mkdir()
    site = Site(folder)
    if delivered:
        two(site, "Hello")
        await site.deliver()
        site.events.clear()
    prepare(site)
    await site.deliver()
    await site.close()
    return len(site.events)


async def test_a_first_delivery_converges_and_publishes_nothing_twice(tmp_path: Path) -> None:
    total = await moments(tmp_path / "count", lambda site: two(site, "Hello"), delivered=False)
    assert total > 20
    for number in range(1, total + 1):
        folder = tmp_path / str(number)
        folder.mkdir()
        site = Site(folder)
        two(site, "Hello")
        assert await crash_at(site, number)

        await site.converge()

        assert site.publishes() == ["commonmodule/Hours 1.0", "inboundcall/Desk 1.0"], number
        assert {key.name: entry.version for key, entry in site.recorded.items()} == {"Hours": "1.0", "Desk": "1.0"}
        assert (await site.plan()).empty, number
        assert (await site.recover()).clean, number
        await site.close()


def broken(site: Site) -> None:
    two(site, "New")
    site.fault("job-fails", match={"flow": "Desk"})


@pytest.mark.parametrize("older", [UnclearPublish.WORKS, UnclearPublish.SILENTLY_NOTHING])
async def test_a_delivery_that_fails_is_rolled_back_whenever_the_process_dies(
    tmp_path: Path, older: UnclearPublish
) -> None:
    def prepare(site: Site) -> None:
        broken(site)
        site.simulator.configure(replace(SETTINGS, older_version=older))

    total = await moments(tmp_path / "count", prepare, delivered=True)
    for number in range(1, total + 1):
        folder = tmp_path / str(number)
        folder.mkdir()
        site = Site(folder)
        two(site, "Hello")
        await site.deliver()
        prepare(site)
        site.events.clear()
        assert await crash_at(site, number)
        # A crash before that splits the sync: the module is delivered, and the next sync fails at the caller alone.
        failing_had_begun = ("write.answered", "desk", "upload") in [
            (event.name, event.flow, event.fields.get("action")) for event in site.events
        ]

        await site.converge()

        if failing_had_begun:
            published = site.simulator.flow("commonmodule", "Hours").published
            assert published is not None
            assert "Hello" in published.text, number
        assert site.live()[str(DESK)] == "1.0", number
        assert (await site.recover()).clean, number
        assert site.recorded[HOURS].version == site.live()[str(HOURS)], number
        uploads = Counter(site.publishes())
        assert all(times == 1 for flow, times in uploads.items() if not flow.endswith(" 1.0")), number
        await site.close()


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
    assert {step.state for step in result.steps} == {StepState.HEALTHY}
    site.simulator.faults.clear()

    found = await site.recover()

    assert len(found.to_record) == 3
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
