"""What recovery leaves alone, what it waits for, and what it tells."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import pytest

from controller.delivery.result import Outcome
from controller.delivery.sync_run import DeliveryEvent, DeliverySettings
from controller.domain.desired import OnFailure, Rollout
from controller.domain.errors.branches import Transient
from controller.domain.errors.delivery import LeaseLost
from controller.domain.status import StepState
from controller.simulator.settings import UnclearPublish
from tests.delivery.scenes import DESK, FRONT, HOURS, OLD, three
from tests.delivery.site import NAME, SETTINGS, Crash, Site, states
from tests.support.sources import inbound, module


def crash_at(site: Site, name: str, flow: str) -> None:
    site.crash_when = lambda event: (event.name, event.flow) == (name, flow)


async def test_there_is_nothing_to_recover_after_an_orderly_delivery(site: Site) -> None:
    three(site)
    await site.deliver()
    assert (await site.recover()).clean


async def test_a_failure_of_a_closed_sync_is_not_taken_up_again(three_live: Site) -> None:
    """The failed flow moved on by hand; a later recovery of the same sync must not take that back."""
    site = three_live
    three(site, says="New")
    site.policy(OnFailure.ROLLBACK_FLOW)
    site.fault("job-fails", match={"flow": "Front"})
    site.fault("job-fails", name="exports", match={"method": "POST", "route": "/api/v2/flows/export/jobs"})
    result = await site.deliver()
    assert states(result) == {"hours": "healthy", "desk": "healthy", "front": "failed"}
    site.by_hand("publish", FRONT)
    site.simulator.faults.clear()

    found = await site.recover()

    assert {step.change.flow for step in found.to_record} == {"hours", "desk"}
    assert site.live()[str(FRONT)] == "2.0"


async def test_what_a_person_published_after_the_crash_is_left_alone(site: Site) -> None:
    three(site)
    await site.deliver()
    site.want("desk", inbound("Desk", says="New", calls=["Hours"]))
    site.fault("job-fails", match={"flow": "Desk"})
    crash_at(site, "change.failed", "desk")
    with pytest.raises(Crash):
        await site.deliver()
    await site.restart()
    site.clock.advance(3600)
    site.by_hand("publish", DESK)

    found = await site.recover()

    assert site.live()[str(DESK)] == "2.0"
    desk = found.syncs[0].steps[0]
    assert desk.state is StepState.FAILED
    assert "was published after this change had failed" in desk.messages[-1]


async def test_an_export_of_a_version_that_is_not_live_any_more_is_given_up(site: Site) -> None:
    site.want("desk", inbound("Desk"))
    site.fault("job-fails", match={"method": "POST", "route": "/api/v2/flows/export/jobs"})
    await site.deliver()
    site.by_hand("publish", DESK)
    found = await site.recover()
    assert found.to_record == ()
    assert (await site.recover()).clean


async def test_an_organisation_that_cannot_be_reached_leaves_the_sync_open(site: Site) -> None:
    site.want("desk", inbound("Desk"), rollout=Rollout(bake_s=60))
    site.crash_when = lambda event: (event.name, event.fields.get("action")) == ("write.answered", "upload")
    with pytest.raises(Crash):
        await site.deliver()
    await site.restart()
    site.fault("http-5xx")
    with pytest.raises(Transient):
        await site.recover()
    site.simulator.faults.clear()
    await site.converge()
    assert site.publishes() == ["inboundcall/Desk 1.0"]
    assert (await site.plan()).empty


async def test_a_wish_that_changed_meanwhile_keeps_its_bake_and_is_then_replaced(site: Site) -> None:
    site.want("desk", inbound("Desk"), rollout=Rollout(bake_s=60))
    crash_at(site, "change.baking", "desk")
    with pytest.raises(Crash):
        await site.deliver()
    await site.restart()
    site.want("desk", inbound("Desk", says="Newer"))

    await site.converge()

    assert site.publishes() == ["inboundcall/Desk 1.0", "inboundcall/Desk 2.0"]
    assert (await site.plan()).empty


async def test_nothing_is_recovered_without_the_lease(site: Site) -> None:
    three(site)
    crash_at(site, "change.live", "hours")
    old = site.lease("old")
    with pytest.raises(Crash):
        await site.deliver(lease=old)
    await site.restart()
    site.clock.advance(61)
    site.store.leases.acquire(NAME, "new")
    with pytest.raises(LeaseLost):
        await site.delivery.recover(site.organization, old)


async def test_an_outage_during_a_rollback_is_sat_out(three_live: Site) -> None:
    """Ten minutes without an answer; then everything comes back."""
    site = three_live
    three(site, says="New")
    site.fault("job-fails", match={"flow": "Front"})

    def outage(event: DeliveryEvent) -> bool:
        if (event.name, event.flow) == ("change.rolling-back", "desk"):
            site.fault("http-5xx", for_s=600)
        return False

    site.crash_when = outage
    result = await site.deliver()
    assert result.outcome is Outcome.ROLLED_BACK
    assert site.live() == OLD


async def test_an_outage_that_outlasts_a_rollback_is_reported_and_the_rollback_goes_on_afterwards(
    three_live: Site,
) -> None:
    site = three_live
    three(site, says="New")
    site.fault("job-fails", match={"flow": "Front"})

    def outage(event: DeliveryEvent) -> bool:
        if event.name == "change.failed":
            site.fault("http-5xx")
        return False

    site.crash_when = outage
    result = await site.deliver()
    assert result.outcome is Outcome.ROLLBACK_FAILED
    assert {step.state for step in result.steps} == {StepState.ROLLING_BACK}
    assert {step.error.code for step in result.steps if step.error} == {"rollback-failed"}
    site.simulator.faults.clear()
    await site.restart()

    found = await site.recover()

    assert [sync.outcome for sync in found.syncs] == [Outcome.ROLLED_BACK]
    assert site.live() == OLD
    assert (await site.recover()).clean


async def test_healing_restores_from_the_source_where_the_old_version_cannot_go_live_again(site: Site) -> None:
    three(site)
    await site.deliver()
    site.by_hand("publish", DESK, inbound("Desk", says="By hand", calls=["Hours"]))
    site.simulator.configure(replace(SETTINGS, older_version=UnclearPublish.SILENTLY_NOTHING))

    result = await site.deliver()

    assert result.outcome is Outcome.SUCCEEDED, result.steps[0].error
    published = site.simulator.flow(DESK.type, DESK.name).published
    assert published is not None
    assert (published.id, "Hello" in published.text) == ("3.0", True)
    assert (await site.plan()).empty


async def test_every_migration_is_announced_once_and_kept_until_delivered(site: Site) -> None:
    site.settings = DeliverySettings(announce_to=("change-management",))
    site.delivery = site._delivery()
    three(site)
    await site.deliver()
    messages = site.store.outbox.claim()
    assert {message.target for message in messages} == {"change-management"}
    assert [message.payload["event_type"] for message in messages] == ["flow_version_migration"] * 3
    data = messages[0].payload["data"]
    assert isinstance(data, dict)
    assert (data["flow"], data["version"], data["actor"]) == (str(HOURS), "1.0", "ada")


@pytest.mark.parametrize("seed", range(6))
async def test_no_flow_is_live_before_what_it_depends_on(site: Site, seed: int) -> None:
    """Ten modules and flows that refer to random earlier ones, delivered at once."""
    site.simulator.configure(replace(site.simulator.settings, nested_modules=True))
    chance = random.Random(seed)
    names: list[str] = []
    below: dict[str, list[str]] = {}
    for number in range(10):
        name = f"{'MC'[number % 2]}{number}"
        modules = chance.sample([each for each in names if each[0] == "M"], k=min(2, number // 3))
        calls = chance.sample([each for each in names if each[0] == "C"], k=min(1, number // 4))
        text = module(name, calls=modules) if name[0] == "M" else inbound(name, calls=modules, transfers=calls)
        site.want(name.lower(), text)
        below[name] = modules + (calls if name[0] == "C" else [])
        names.append(name)

    result = await site.deliver()

    assert result.outcome is Outcome.SUCCEEDED
    order = [entry.split("/")[1].split()[0] for entry in site.publishes()]
    assert sorted(order) == sorted(names)
    for name, callees in below.items():
        assert all(order.index(callee) < order.index(name) for callee in callees)
    assert (await site.plan()).empty


async def test_a_cancelled_delivery_is_gone_on_with(site: Site) -> None:
    site.want("desk", inbound("Desk"), rollout=Rollout(bake_s=300))
    baking = asyncio.Event()

    def hear(event: DeliveryEvent) -> bool:
        if event.name == "change.baking":
            baking.set()
        return False

    site.crash_when = hear
    task = asyncio.create_task(site.deliver())
    await baking.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await site.restart()
    await site.converge()
    assert site.publishes() == ["inboundcall/Desk 1.0"]
    assert (await site.plan()).empty


async def test_neither_a_source_nor_a_presigned_link_is_kept_in_the_store(site: Site) -> None:
    site.want("desk", inbound("Desk", says="hunter2-in-the-text"))
    result = await site.deliver()
    assert result.outcome is Outcome.SUCCEEDED
    for file in site.folder.glob("store.db*"):
        content = file.read_bytes()
        assert b"hunter2" not in content
        assert b"/uploads/" not in content
        assert b"http://" not in content


async def test_it_works_in_real_time(hurried: Site) -> None:
    """The stepped clock hides nothing: the machine's own clock, durations a hundred times shorter."""
    hurried.want("desk", inbound("Desk"), rollout=Rollout(bake_s=0.2))
    result = await hurried.deliver()
    assert result.outcome is Outcome.SUCCEEDED
    assert hurried.live() == {str(DESK): "1.0"}


async def test_a_sync_whose_process_ended_before_it_had_begun_all_is_incomplete(site: Site) -> None:
    """Nothing failed, and yet not all was done: the store counts what was not."""
    three(site)
    crash_at(site, "change.healthy", "hours")
    with pytest.raises(Crash):
        await site.deliver()
    await site.restart()

    [recovered] = (await site.recover()).syncs

    assert (recovered.outcome, len(recovered.undone)) == (Outcome.INCOMPLETE, 2)
    [kept] = site.store.journal.history(NAME)
    assert (kept.state.value, kept.summary["undone"], kept.summary["changes"]) == ("incomplete", 2, 3)


async def cut_in_two(site: Site, how: str) -> None:
    """`hours` 2.0 is delivered by a sync that is cut off there, and then `front` fails in the next one."""
    three(site)
    await site.deliver()
    three(site, says="New")
    site.fault("job-fails", match={"flow": "Front"})
    if how == "crash":
        crash_at(site, "change.healthy", "hours")
        with pytest.raises(Crash):
            await site.deliver()
    else:
        site.crash_when = lambda event: bool(
            (event.name, event.flow) == ("change.live", "hours") and site.delivery.stop()
        )
        assert (await site.deliver()).outcome is Outcome.STOPPED
    await site.restart()
    await site.converge()


@pytest.mark.parametrize("how", ["crash", "stop"])
async def test_a_failure_takes_back_what_the_same_plan_had_delivered_before_it_was_cut_off(
    site: Site, how: str
) -> None:
    """One commit is delivered as a whole or not at all, wherever the process ended."""
    await cut_in_two(site, how)

    assert site.live() == OLD
    failed = site.store.journal.history(NAME)[0]
    assert failed.state.value == "rolled-back"
    assert {step.flow: step.state.value for step in failed.steps} == {
        "desk": "rolled-back",
        "front": "failed",
        "hours": "rolled-back",
    }
    assert {each.key for each in site.store.quarantines.active(NAME)} == {HOURS, DESK, FRONT}
    assert site.recorded[HOURS].version == site.live()[str(HOURS)]


async def test_a_failure_leaves_alone_what_was_delivered_for_another_reason(site: Site) -> None:
    """Only a sync that was cut off before what fails now belongs to it."""
    three(site)
    await site.deliver()
    site.want("hours", module("Hours", says="New"))
    await site.deliver()
    three(site, says="New")
    site.fault("job-fails", match={"flow": "Front"})

    await site.deliver()

    assert site.live()[str(HOURS)] == "2.0"
