"""Locked flows under each policy, and operations of others that are in the way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controller.delivery.result import Outcome, SyncContext
from controller.delivery.sync_run import DeliveryEvent
from controller.domain.desired import OnLocked
from controller.domain.errors.repository import RepositoryFailed
from controller.domain.platform import Export
from controller.planning.model import Change, Plan
from controller.simulator.control import person
from controller.simulator.flow import Action
from tests.delivery.scenes import DESK
from tests.delivery.site import SECOND_UPLOAD_S, Site
from tests.support.sources import inbound


async def changed_desk(site: Site, on_locked: OnLocked) -> Plan:
    """`desk` is to go from 1.0 to the next version; the plan is made before anybody locks it."""
    site.organization = replace(site.organization, on_locked=on_locked)
    site.want("desk", inbound("Desk"))
    await site.deliver()
    site.want("desk", inbound("Desk", says="New"))
    return await site.plan()


async def test_under_fail_the_holder_is_named_and_nothing_is_written(site: Site) -> None:
    plan = await changed_desk(site, OnLocked.FAIL)
    site.by_hand("lock", DESK)

    result = await site.deliver(plan)

    (step,) = result.steps
    assert step.error is not None
    assert step.error.code == "flow-locked"
    assert "is locked by user Grace" in step.error.message
    assert site.live() == {str(DESK): "1.0"}
    assert site.store.quarantines.active("acme") == ()


async def test_under_wait_the_lock_is_looked_at_every_fifteen_seconds(site: Site) -> None:
    plan = await changed_desk(site, OnLocked.WAIT)
    site.by_hand("lock", DESK)
    looks = 0

    def free_at_third(event: DeliveryEvent) -> bool:
        nonlocal looks
        if event.name == "lock.waiting":
            looks += 1
            assert event.fields["holder"] == "Grace"
            if looks == 3:
                site.by_hand("unlock", DESK)
        return False

    site.crash_when = free_at_third
    result = await site.deliver(plan)
    assert result.outcome is Outcome.SUCCEEDED
    assert looks == 3
    assert result.steps[0].duration_s == 3 * 15.0 + SECOND_UPLOAD_S + 2.0


async def test_under_wait_the_wait_ends_after_five_minutes(site: Site) -> None:
    plan = await changed_desk(site, OnLocked.WAIT)
    site.by_hand("lock", DESK)
    result = await site.deliver(plan)
    (step,) = result.steps
    assert step.error is not None
    assert step.error.code == "flow-locked"
    assert step.duration_s == 300.0
    assert "it was waited for, 300 s long" in step.error.message
    assert step.error.hint == "ask for the lock to be released, or set onLocked: unlock"


async def test_a_person_who_publishes_while_we_wait_makes_the_plan_stale(site: Site) -> None:
    plan = await changed_desk(site, OnLocked.WAIT)
    site.by_hand("lock", DESK)

    def publish(event: DeliveryEvent) -> bool:
        if event.name == "lock.waiting":
            site.by_hand("publish", DESK)
            site.by_hand("unlock", DESK)
        return False

    site.crash_when = publish
    result = await site.deliver(plan)
    assert result.steps[0].error is not None
    assert result.steps[0].error.code == "plan-stale"
    assert site.live() == {str(DESK): "2.0"}


async def test_under_unlock_what_was_saved_is_kept_before_it_is_published_over(site: Site) -> None:
    plan = await changed_desk(site, OnLocked.UNLOCK)
    site.by_hand("draft", DESK, text=inbound("Desk", says="Half done"))
    kept: list[tuple[Change, Export]] = []

    async def keep(change: Change, draft: Export) -> None:
        assert site.live() == {str(DESK): "1.0"}
        kept.append((change, draft))

    lease = site.lease()
    sync = SyncContext("abc123", "ada", "test")
    result = await site.delivery.deliver(site.organization, plan, lease, sync, keep_draft=keep)

    assert result.outcome is Outcome.SUCCEEDED
    ((change, draft),) = kept
    assert change.flow == "desk"
    assert draft.yaml is not None
    assert "Half done" in draft.yaml
    assert result.steps[0].drafts == (draft,)
    assert result.steps[0].version == "3.0"
    assert "the draft under the broken lock of Grace is kept as version 2.0" in result.steps[0].messages


async def test_a_draft_that_cannot_be_kept_is_not_published_over(site: Site) -> None:
    plan = await changed_desk(site, OnLocked.UNLOCK)
    site.by_hand("draft", DESK, text=inbound("Desk", says="Half done"))

    async def keep(_change: Change, _draft: Export) -> None:
        raise RepositoryFailed("the push was refused")

    result = await site.delivery.deliver(
        site.organization, plan, site.lease(), SyncContext("abc123", "ada", "test"), keep_draft=keep
    )
    assert result.steps[0].error is not None
    assert "the push was refused" in result.steps[0].error.message
    assert site.live() == {str(DESK): "1.0"}


async def test_a_draft_that_could_not_be_kept_is_kept_before_the_next_attempt(site: Site) -> None:
    """The lock is broken already, and its holder's version is the newest one only until something is published."""
    plan = await changed_desk(site, OnLocked.UNLOCK)
    site.by_hand("draft", DESK, text=inbound("Desk", says="Half done"))
    kept: list[str] = []
    broken = True

    async def keep(_change: Change, draft: Export) -> None:
        if broken:
            raise RepositoryFailed("the push was refused")
        assert site.live() == {str(DESK): "1.0"}
        kept.append(draft.yaml or "")

    sync = SyncContext("abc123", "ada", "test")
    await site.delivery.deliver(site.organization, plan, site.lease(), sync, keep_draft=keep)
    broken = False
    again = await site.plan()
    result = await site.delivery.deliver(site.organization, again, site.lease(), sync, keep_draft=keep)

    assert result.outcome is Outcome.SUCCEEDED, result.steps[0].error
    assert ["Half done" in text for text in kept] == [True]


@pytest.mark.parametrize("policy", list(OnLocked))
async def test_an_operation_of_somebody_else_is_waited_for_under_every_policy(site: Site, policy: OnLocked) -> None:
    await changed_desk(site, policy)
    await site.deliver()
    site.pin("desk", DESK, "1.0")
    plan = await site.plan()
    organization = site.simulator.organization
    flow = site.simulator.flow(DESK.type, DESK.name)
    running = organization.operation(flow, Action.VALIDATE, person(organization, "Grace"), site.clock.now())

    def end(event: DeliveryEvent) -> bool:
        if event.name == "lock.waiting":
            running.ended_at = site.clock.now()
        return False

    site.crash_when = end
    result = await site.deliver(plan)
    assert result.outcome is Outcome.SUCCEEDED
    assert site.live() == {str(DESK): "1.0"}
    assert site.names().count("lock.waiting") == 1


def while_the_job_runs(site: Site, deed: str, text: str | None = None) -> list[str]:
    """Somebody does this once the first file was taken; gives the names of what is told of uploads and locks.

    The lock is released at the second look.
    """
    told: list[str] = []

    def hear(event: DeliveryEvent) -> bool:
        if event.name == "write.answered" and event.fields.get("action") == "upload" and not told:
            told.append("sent")
            site.by_hand(deed, DESK, text=text)
        elif event.name in ("upload.again", "lock.waiting"):
            told.append(event.name)
            if told.count("lock.waiting") == 2:
                site.by_hand("unlock", DESK)
        return False

    site.crash_when = hear
    return told


async def test_under_wait_a_lock_that_the_uploads_job_finds_is_waited_for(site: Site) -> None:
    """The organisation tells of it in the job's message, without the holder's name."""
    plan = await changed_desk(site, OnLocked.WAIT)
    told = while_the_job_runs(site, "lock")

    result = await site.deliver(plan)

    assert result.outcome is Outcome.SUCCEEDED, result.steps[0].error
    assert told == ["sent", "upload.again", "lock.waiting", "lock.waiting"]
    assert site.live() == {str(DESK): "2.0"}
    assert site.store.quarantines.active("acme") == ()


async def test_under_unlock_a_lock_that_the_uploads_job_finds_is_broken_once_its_draft_is_kept(site: Site) -> None:
    plan = await changed_desk(site, OnLocked.UNLOCK)
    told = while_the_job_runs(site, "draft", inbound("Desk", says="Half done"))
    kept: list[str] = []

    async def keep(_change: Change, draft: Export) -> None:
        kept.append(draft.yaml or "")

    sync = SyncContext("abc123", "ada", "test")
    result = await site.delivery.deliver(site.organization, plan, site.lease(), sync, keep_draft=keep)

    assert result.outcome is Outcome.SUCCEEDED, result.steps[0].error
    assert told == ["sent", "upload.again"]
    assert ["Half done" in text for text in kept] == [True]
    assert site.live() == {str(DESK): "3.0"}


async def test_under_fail_a_lock_that_the_uploads_job_finds_is_named_and_quarantines_nothing(site: Site) -> None:
    plan = await changed_desk(site, OnLocked.FAIL)
    while_the_job_runs(site, "lock")

    result = await site.deliver(plan)

    (step,) = result.steps
    assert step.error is not None
    assert step.error.code == "flow-locked"
    assert "Grace" in step.error.message
    assert site.live() == {str(DESK): "1.0"}
    assert site.store.quarantines.active("acme") == ()
