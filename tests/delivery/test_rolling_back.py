"""When a change fails: what is taken back, in which order, how it is proven, and what is never called done."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controller.delivery.result import Outcome
from controller.delivery.sync_run import DeliveryEvent
from controller.domain.desired import OnFailure, Rollout
from controller.domain.status import StepState
from controller.planning.model import ChangeKind
from controller.simulator.settings import UnclearPublish
from controller.store.audit import AuditEntry
from controller.store.records import SyncState
from controller.store.store import Store
from tests.delivery.scenes import DESK, FRONT, HOURS, OLD, three
from tests.delivery.site import NAME, SETTINGS, Site, states
from tests.support.audit import audit_entries
from tests.support.sources import inbound


async def test_everything_that_the_sync_published_comes_back_in_reverse_order(failing_front: Site) -> None:
    """A caller that came back before its module is bound to the restored module, and a revert needs no delivery."""
    site = failing_front

    result = await site.deliver()

    assert result.outcome is Outcome.ROLLED_BACK
    assert site.live() == OLD
    assert states(result) == {"hours": "rolled-back", "desk": "rolled-back", "front": "failed"}
    assert site.publishes()[3:] == [
        "commonmodule/Hours 2.0",
        "inboundcall/Desk 2.0",
        "inboundcall/Desk 1.0",
        "commonmodule/Hours 1.0",
        "inboundcall/Desk 1.0",
    ]
    assert site.bound(DESK, HOURS) == "1.0"
    front = next(step for step in result.steps if step.change.flow == "front")
    assert front.error is not None
    assert "the flow named 'Front' is broken" in front.error.message
    three(site)
    assert (await site.plan()).empty


async def test_what_was_rolled_back_is_quarantined_until_git_changes(failing_front: Site) -> None:
    site = failing_front
    await site.deliver()
    site.simulator.faults.clear()

    plan = await site.plan()

    assert {change.flow: change.blocked.code for change in plan.actions if change.blocked} == {
        "hours": "quarantined",
        "desk": "quarantined",
        "front": "quarantined",
    }
    three(site, says="Corrected")
    assert (await site.deliver()).outcome is Outcome.SUCCEEDED
    assert (await site.plan()).empty


async def test_under_rollback_flow_only_the_failed_change_comes_back(failing_front: Site) -> None:
    site = failing_front
    site.policy(OnFailure.ROLLBACK_FLOW)
    result = await site.deliver()
    assert states(result) == {"hours": "exported", "desk": "exported", "front": "failed"}
    assert result.outcome is Outcome.FAILED
    assert site.live() == OLD | {str(HOURS): "2.0", str(DESK): "2.0"}


async def test_under_halt_nothing_comes_back_and_nothing_new_begins(site: Site) -> None:
    three(site)
    await site.deliver()
    three(site, says="New")
    site.fault("job-fails", match={"flow": "Desk"})
    site.policy(OnFailure.HALT)

    result = await site.deliver()

    assert states(result) == {"hours": "exported", "desk": "failed", "front": "skipped"}
    assert site.live() == OLD | {str(HOURS): "2.0"}
    assert result.outcome is Outcome.FAILED


async def test_a_change_that_failed_keeps_its_dependents_from_beginning(site: Site) -> None:
    three(site)
    site.fault("job-fails", match={"flow": "Hours"})
    result = await site.deliver()
    assert states(result) == {"hours": "failed", "desk": "skipped", "front": "skipped"}
    desk = next(step for step in result.steps if step.change.flow == "desk")
    assert desk.messages == ("it depends on hours, which is failed",)
    assert site.publishes() == []


async def test_a_failure_ends_the_bakes_of_all_other_changes_at_once(site: Site) -> None:
    site.want("aside", inbound("Aside"), rollout=Rollout(bake_s=3600))
    site.want("desk", inbound("Desk"))
    site.fault("job-fails", match={"flow": "Desk"})
    result = await site.deliver()
    assert states(result) == {"aside": "rolled-back", "desk": "failed"}
    assert site.live() == {"inboundcall/Aside": None}
    assert site.clock.elapsed_s < 60


async def test_new_flows_are_unpublished_again(site: Site) -> None:
    three(site)
    site.fault("job-fails", match={"flow": "Front"})
    result = await site.deliver()
    assert result.outcome is Outcome.ROLLED_BACK
    assert site.live() == {str(HOURS): None, str(DESK): None}
    assert result.to_record == ()


@pytest.mark.parametrize("behaviour", [UnclearPublish.SILENTLY_NOTHING, UnclearPublish.ERROR])
async def test_where_old_versions_cannot_be_published_again_their_export_is_uploaded(
    failing_front: Site, behaviour: UnclearPublish
) -> None:
    site = failing_front
    site.simulator.configure(replace(SETTINGS, older_version=behaviour))

    result = await site.deliver()

    assert result.outcome is Outcome.ROLLED_BACK
    assert site.live() == {str(HOURS): "3.0", str(DESK): "3.0", str(FRONT): "1.0"}
    hours = next(step for step in result.steps if step.change.flow == "hours")
    assert hours.export is not None
    assert hours.export.yaml is not None
    assert "Hello" in hours.export.yaml
    assert (hours.version, hours.previous_version) == ("3.0", "1.0")
    assert {step.change.flow for step in result.to_record} == {"hours", "desk"}
    assert site.bound(DESK, HOURS) == "3.0"


async def test_after_an_uploaded_rollback_a_revert_in_git_only_binds_the_untouched_caller(failing_front: Site) -> None:
    site = failing_front
    site.simulator.configure(replace(SETTINGS, older_version=UnclearPublish.SILENTLY_NOTHING))
    await site.deliver()
    three(site)
    site.simulator.faults.clear()
    plan = await site.plan()
    assert [(change.flow, change.kind) for change in plan.actions] == [("front", ChangeKind.REPUBLISH)]
    await site.deliver(plan)
    assert (await site.plan()).empty


async def test_a_rollback_that_fails_is_never_called_done(failing_front: Site) -> None:
    """The result, the journal, the audit log and change management call it a failure."""
    site = failing_front
    site.settings = replace(site.settings, announce_to=("change-management",))
    site.delivery = site._delivery()
    site.fault("publish-fails", match={"flow": "Hours"})
    site.fault("job-fails", name="uploads", match={"flow": "Hours"}, nth=2)

    result = await site.deliver()

    assert result.outcome is Outcome.ROLLBACK_FAILED
    hours = next(step for step in result.steps if step.change.flow == "hours")
    assert hours.state is StepState.ROLLBACK_FAILED
    assert hours.error is not None
    assert hours.error.code == "rollback-failed"
    assert site.live()[str(HOURS)] == "2.0"
    sync = site.store.journal.sync(result.sync_id)
    assert sync is not None
    assert sync.state is SyncState.ROLLBACK_FAILED
    failures = [entry for entry in audit_entries(site.store, NAME) if entry.action == "rollback"]
    assert {entry.flow: entry.status for entry in failures} == {str(HOURS): "failure", str(DESK): "success"}
    told = [dict(message.payload["data"]) for message in site.store.outbox.claim(limit=100)]  # type: ignore[call-overload]
    assert [(data["flow"], data["success"]) for data in told if data["action"] == "rollback"] == [
        (str(DESK), True),
        (str(HOURS), False),
    ]


async def test_a_version_that_a_person_published_meanwhile_is_not_overridden(failing_front: Site) -> None:
    site = failing_front

    def meddle(event: DeliveryEvent) -> bool:
        if event.name == "change.live" and event.flow == "desk":
            site.by_hand("publish", DESK, inbound("Desk"))
        return False

    site.crash_when = meddle

    result = await site.deliver()

    desk = next(step for step in result.steps if step.change.flow == "desk")
    assert desk.state is StepState.ROLLBACK_FAILED
    assert desk.error is not None
    assert "3.0 is live, published out of band" in desk.error.message
    assert site.live()[str(DESK)] == "3.0"
    assert site.live()[str(HOURS)] == "1.0"


async def test_a_flow_whose_rollback_is_by_hand_is_left_as_it_is(failing_front: Site) -> None:
    site = failing_front
    site.want("desk", inbound("Desk", says="New", calls=["Hours"]), automatic_rollback=False)
    result = await site.deliver()
    desk = next(step for step in result.steps if step.change.flow == "desk")
    assert site.live()[str(DESK)] == "2.0"
    assert "manual rollback" in desk.messages[-1]
    assert desk.state is StepState.EXPORTED


async def test_a_publish_that_never_ends_is_undetermined_after_sixteen_minutes(site: Site) -> None:
    site.simulator.configure(replace(SETTINGS, upload_s=100_000))
    site.want("desk", inbound("Desk"))
    result = await site.deliver()
    (step,) = result.steps
    assert step.error is not None
    assert step.error.code == "publish-timed-out"
    assert step.duration_s == 960.0
    assert site.live() == {}


async def test_at_every_event_whoever_listens_may_write_to_the_store(failing_front: Site) -> None:
    """Nothing is told in the middle of a transaction, which would lock others out and might be taken back."""
    site = failing_front
    other = Store.open(f"sqlite:///{site.folder}/store.db", clock=site.clock)
    told: list[str] = []

    def write(event: DeliveryEvent) -> bool:
        told.append(event.name)
        other.audit.append(AuditEntry("other", "listen", "success", "ada"))
        return False

    site.crash_when = write
    result = await site.deliver()
    other.close()

    assert result.outcome is Outcome.ROLLED_BACK
    assert "wish.quarantined" in told
    assert told.index("wish.quarantined") < told.index("change.failed")
