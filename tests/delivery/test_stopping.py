"""Being told to stop: nothing new begins, what runs is followed for a short while, and the next process goes on."""

from __future__ import annotations

from dataclasses import replace

from controller.delivery.delivery import Delivery
from controller.delivery.result import Outcome, SyncContext
from controller.delivery.sync_run import DeliveryEvent
from controller.domain.desired import Rollout
from controller.domain.status import StepCause, StepState
from controller.store.records import SyncState
from tests.delivery.scenes import DESK, OLD, three
from tests.delivery.site import FIRST_UPLOAD_S, SETTINGS, Site, states
from tests.support.sources import inbound


def stop_at(site: Site, name: str, flow: str) -> None:
    def stop(event: DeliveryEvent) -> bool:
        if (event.name, event.flow) == (name, flow):
            site.delivery.stop()
        return False

    site.crash_when = stop


async def test_a_running_publish_is_followed_to_its_end_and_nothing_new_begins(site: Site) -> None:
    three(site)
    stop_at(site, "write.concluded", "hours")

    result = await site.deliver()

    assert result.outcome is Outcome.STOPPED
    assert states(result) == {"hours": "exported", "desk": "skipped", "front": "skipped"}
    assert [step.change.flow for step in result.to_record] == ["hours"]
    await site.restart()
    await site.converge()
    assert site.live() == OLD
    assert (await site.plan()).empty


async def test_the_journal_keeps_that_a_change_was_interrupted_before_it_began(site: Site) -> None:
    three(site)
    stop_at(site, "write.concluded", "hours")

    await site.deliver()

    (sync, *_) = site.store.journal.history()
    causes = {step.flow: step.cause for step in sync.steps}
    assert causes == {"hours": None, "desk": StepCause.INTERRUPTED, "front": None}


async def test_a_bake_is_parked_at_once_and_its_rest_is_kept(site: Site) -> None:
    site.want("desk", inbound("Desk"), rollout=Rollout(bake_s=3600))
    stop_at(site, "change.baking", "desk")

    result = await site.deliver()

    (step,) = result.steps
    assert (step.state, step.parked, result.outcome) == (StepState.BAKING, True, Outcome.STOPPED)
    assert site.clock.elapsed_s == FIRST_UPLOAD_S
    assert result.totals["parked"] == 1
    await site.restart()
    site.clock.advance(1000)
    await site.recover()
    assert site.clock.elapsed_s == FIRST_UPLOAD_S + 3600.0 + 2.0
    assert (await site.plan()).empty


async def test_a_publish_that_takes_longer_than_the_grace_is_parked_and_adopted_later(site: Site) -> None:
    site.simulator.configure(replace(SETTINGS, upload_s=120))
    site.want("desk", inbound("Desk"))
    stop_at(site, "write.concluded", "desk")

    result = await site.deliver()

    (step,) = result.steps
    assert (step.state, step.parked) == (StepState.PUBLISHING, True)
    assert site.clock.elapsed_s == 20.0
    sync = site.store.journal.sync(result.sync_id)
    assert sync is not None
    assert sync.state is SyncState.STOPPED
    await site.restart()
    await site.converge()
    assert site.publishes() == ["inboundcall/Desk 1.0"]
    assert (await site.plan()).empty


async def test_a_rollback_that_is_due_is_left_to_the_next_process(site: Site) -> None:
    three(site)
    await site.deliver()
    three(site, says="New")
    site.fault("job-fails", match={"flow": "Front"})
    stop_at(site, "change.failed", "front")

    result = await site.deliver()

    assert result.outcome is Outcome.STOPPED
    assert result.to_record == ()
    await site.restart()
    found = await site.recover()
    assert [sync.outcome for sync in found.syncs] == [Outcome.ROLLED_BACK]
    assert site.live() == OLD


async def test_the_caller_is_asked_every_second(site: Site) -> None:
    site.want("desk", inbound("Desk"), rollout=Rollout(bake_s=3600))
    delivery = Delivery(site.platform, site.store, site.clock, stopping=lambda: site.clock.elapsed_s >= 60)
    sync = SyncContext("abc123", "ada", "test")
    result = await delivery.deliver(site.organization, await site.plan(), site.lease(), sync)
    assert result.outcome is Outcome.STOPPED
    assert site.clock.elapsed_s == 60.0


async def test_a_delivery_that_was_stopped_before_it_began_writes_nothing(site: Site) -> None:
    three(site)
    site.delivery.stop()
    result = await site.deliver()
    assert result.outcome is Outcome.STOPPED
    assert site.publishes() == []
    assert states(result) == dict.fromkeys(("hours", "desk", "front"), "skipped")


def stop_after(site: Site, seconds: float) -> Delivery:
    """A delivery whose operator says stop at that time on the clock."""
    return Delivery(site.platform, site.store, site.clock, stopping=lambda: site.clock.elapsed_s >= seconds)


async def test_a_validation_that_takes_longer_than_the_grace_is_given_up_and_nothing_is_written(site: Site) -> None:
    site.want("desk", inbound("Desk"))
    await site.deliver()
    site.by_hand("publish", DESK, inbound("Desk", says="New"))
    site.pin("desk", DESK, "1.0")
    site.simulator.configure(replace(SETTINGS, validate_s=80))
    plan, before = await site.plan(), site.clock.elapsed_s
    delivery = stop_after(site, before + 10)

    result = await delivery.deliver(site.organization, plan, site.lease(), SyncContext("abc123", "ada", "test"))

    assert (result.outcome, states(result)) == (Outcome.STOPPED, {"desk": "skipped"})
    assert site.clock.elapsed_s == before + 30
    assert site.live() == {str(DESK): "2.0"}


async def test_a_rollback_that_cannot_get_through_is_not_tried_again_after_the_word(site: Site) -> None:
    """The attempt that runs is the last one; the next process goes on with the rollback."""
    three(site)
    await site.deliver()
    three(site, says="New")
    site.fault("job-fails", match={"flow": "Front"})

    def stop(event: DeliveryEvent) -> bool:
        if (event.name, event.flow) == ("change.rolling-back", "desk"):
            site.fault("http-5xx")
        if event.name == "rollback.attempt-failed":
            site.delivery.stop()
        return False

    site.crash_when = stop
    result = await site.deliver()

    assert result.outcome is Outcome.STOPPED
    assert {step.change.flow: step.parked for step in result.steps} == {"hours": True, "desk": True, "front": False}
    assert site.names().count("rollback.attempt-failed") == 1
    site.simulator.faults.clear()
    await site.restart()
    found = await site.recover()
    assert [sync.outcome for sync in found.syncs] == [Outcome.ROLLED_BACK]
    assert site.live() == OLD
