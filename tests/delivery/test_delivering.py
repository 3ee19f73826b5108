"""Carrying a plan out: order, the two ways of publishing, refusals, and what comes back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controller.delivery.result import Outcome
from controller.domain.desired import Rollout
from controller.domain.errors.delivery import LeaseLost
from controller.planning.model import ChangeKind, Plan
from tests.delivery.scenes import DESK, HOURS, three
from tests.delivery.site import FIRST_UPLOAD_S, NAME, Site, states
from tests.support.audit import audit_entries
from tests.support.sources import inbound, module


async def test_callees_are_live_before_their_callers_and_everything_is_exported(site: Site) -> None:
    three(site)

    result = await site.deliver()

    assert result.outcome is Outcome.SUCCEEDED
    assert site.publishes() == ["commonmodule/Hours 1.0", "inboundcall/Desk 1.0", "inboundcall/Front 1.0"]
    assert states(result) == dict.fromkeys(("front", "desk", "hours"), "exported")
    for step in result.steps:
        assert step.export is not None
        assert step.export.yaml is not None
        assert step.export_digest is not None
        assert step.export_digest.startswith("sha256:")
        assert step.version == "1.0"
    front = next(step for step in result.steps if step.change.flow == "front")
    assert front.consumed == {HOURS: "1.0", DESK: "1.0"}


async def test_a_caller_is_not_sent_before_its_callee_was_seen_live(site: Site) -> None:
    three(site)
    await site.deliver()
    begins, looks = "/_storage/uploads/{jobId}", "/api/v2/flows/jobs/{jobId}"
    steps = [call for call in site.simulator.calls.log() if call.route in (begins, looks)]
    sent = {call.flows[0]: call.number for call in steps if call.route == begins}
    seen = {call.flows[0]: call.number for call in steps if call.route == looks}
    assert sent.keys() == seen.keys() == {"commonmodule/Hours", "inboundcall/Desk", "inboundcall/Front"}
    assert seen["commonmodule/Hours"] < sent["inboundcall/Desk"]
    assert seen["inboundcall/Desk"] < sent["inboundcall/Front"]


async def test_a_second_plan_is_empty(site: Site) -> None:
    three(site)
    await site.deliver()
    assert (await site.plan()).empty


async def test_flows_that_do_not_depend_on_each_other_are_published_together(site: Site) -> None:
    """One upload takes 3 s and is looked at after 2 s and 4 s: four flows take as long as one, five as long as two."""
    for number in range(4):
        site.want(f"f{number}", inbound(f"F{number}"))
    result = await site.deliver()
    # Then 2 s to the first look at the export.
    assert [step.duration_s for step in result.steps] == [FIRST_UPLOAD_S + 2.0] * 4
    assert site.clock.elapsed_s == FIRST_UPLOAD_S + 2.0


async def test_no_more_changes_run_at_once_than_the_manifest_allows(site: Site) -> None:
    for number in range(5):
        site.want(f"f{number}", inbound(f"F{number}"))
    site.organization = replace(site.organization, sync=replace(site.organization.sync, concurrency=4))
    await site.deliver()
    # By the first four it is known that an upload takes 3 s.
    assert site.clock.elapsed_s == FIRST_UPLOAD_S + 3.0 + 2.0, "an export keeps nobody waiting"


async def test_a_five_minute_bake_takes_exactly_five_minutes(site: Site) -> None:
    site.want("desk", inbound("Desk"), rollout=Rollout(bake_s=300))
    result = await site.deliver()
    assert result.outcome is Outcome.SUCCEEDED
    assert site.clock.elapsed_s == FIRST_UPLOAD_S + 300.0 + 2.0


async def test_a_changed_module_binds_its_callers_anew(site: Site) -> None:
    three(site)
    await site.deliver()
    site.want("hours", module("Hours", says="Closed"))

    result = await site.deliver()

    assert {step.change.flow: step.change.kind for step in result.steps} == {
        "hours": ChangeKind.PUBLISH,
        "desk": ChangeKind.REPUBLISH,
        "front": ChangeKind.REPUBLISH,
    }
    assert site.bound(DESK, HOURS) == "2.0"
    assert (await site.plan()).empty


async def test_what_is_live_already_is_adopted_without_a_write(site: Site) -> None:
    three(site)
    await site.deliver()
    site.recorded.clear()
    listing = await site.platform.flows.listing()
    site.pin("desk", DESK, "1.0")
    before = site.publishes()

    result = await site.deliver(await _only(site, "desk"))

    assert states(result) == {"desk": "exported"}
    assert result.steps[0].change.kind is ChangeKind.ADOPT
    assert site.publishes() == before
    assert len(listing.flows) == 3


async def test_an_adoption_reads_its_flow_once(site: Site) -> None:
    three(site)
    await site.deliver()
    site.recorded.clear()
    site.pin("desk", DESK, "1.0")
    plan = await _only(site, "desk")
    site.simulator.calls.clear()

    await site.deliver(plan)

    assert site.simulator.calls.count("GET", "/api/v2/flows/{flowId}") == 1


async def test_a_pinned_version_is_published_and_proven(site: Site) -> None:
    three(site)
    await site.deliver()
    site.want("desk", inbound("Desk", says="Second", calls=["Hours"]))
    await site.deliver()
    site.pin("desk", DESK, "1.0")

    result = await site.deliver()

    assert site.live()["inboundcall/Desk"] == "1.0"
    (step,) = result.steps
    assert (step.change.kind, step.version, step.previous_version) == (ChangeKind.SWITCH, "1.0", "2.0")
    actions = [entry.action for entry in audit_entries(site.store, NAME, flow=str(DESK))]
    assert actions[:4] == ["export", "migrate", "publish", "validate"]


async def test_a_target_that_is_live_meanwhile_is_success_without_a_write(site: Site) -> None:
    three(site)
    await site.deliver()
    site.want("desk", inbound("Desk", says="Second", calls=["Hours"]))
    await site.deliver()
    site.pin("desk", DESK, "1.0")
    plan = await site.plan()
    site.by_hand("publish", DESK, version="1.0")
    before = site.publishes()

    result = await site.deliver(plan)

    assert states(result) == {"desk": "exported"}
    assert site.publishes() == before
    assert "1.0 is live already" in result.steps[0].messages[0]


async def test_a_version_that_does_not_exist_is_refused_with_those_that_do(site: Site) -> None:
    three(site)
    await site.deliver()
    site.pin("desk", DESK, "9.0")
    result = await site.deliver()
    (step,) = result.steps
    assert step.error is not None
    assert step.error.code == "no-such-version"
    assert "the newest are 1.0 (deployed)" in step.error.message


async def test_a_flow_that_moved_since_the_plan_was_made_is_not_written_to(site: Site) -> None:
    three(site)
    await site.deliver()
    site.want("desk", inbound("Desk", says="New", calls=["Hours"]))
    plan = await site.plan()
    site.by_hand("publish", DESK)

    result = await site.deliver(plan)

    (step,) = result.steps
    assert step.error is not None
    assert step.error.code == "plan-stale"
    assert "2.0 is live instead of 1.0" in step.error.message
    assert site.live()["inboundcall/Desk"] == "2.0"
    assert site.store.quarantines.active(NAME) == ()


async def test_a_publish_that_silently_does_nothing_is_found_out(site: Site) -> None:
    three(site)
    await site.deliver()
    site.want("desk", inbound("Desk", says="New", calls=["Hours"]))
    site.fault("publish-silent-noop", times=1)

    result = await site.deliver()

    (step,) = result.steps
    assert step.state.value == "failed"
    assert step.error is not None
    assert step.error.code == "publish-failed"
    assert "1.0 is live and not a version after 1.0" in step.error.message
    assert result.outcome is Outcome.FAILED
    assert [one.key for one in site.store.quarantines.active(NAME)] == [DESK]


async def test_a_publish_that_makes_another_version_live_is_found_out(site: Site) -> None:
    three(site)
    for says in ("Second", "Third"):
        await site.deliver()
        site.want("desk", inbound("Desk", says=says, calls=["Hours"]))
    await site.deliver()
    site.pin("desk", DESK, "1.0")
    site.fault("wrong-version", version="2.0", times=1)

    result = await site.deliver()

    assert result.outcome is Outcome.ROLLED_BACK
    assert site.live()["inboundcall/Desk"] == "3.0"


async def test_a_blocked_change_and_what_depends_on_it_is_skipped_with_the_reason(site: Site) -> None:
    three(site)
    await site.deliver()
    three(site, says="New")
    site.by_hand("lock", DESK)

    result = await site.deliver()

    assert states(result) == {"hours": "exported", "desk": "skipped", "front": "skipped"}
    assert result.outcome is Outcome.INCOMPLETE
    desk = next(step for step in result.steps if step.change.flow == "desk")
    assert "Grace" in desk.messages[-1]


async def test_nothing_is_written_once_the_lease_is_lost(site: Site) -> None:
    three(site)
    lease = site.lease()

    def steal(event: object) -> bool:
        if getattr(event, "name", "") == "change.live":
            site.clock.advance(61)
            site.store.leases.acquire(NAME, "another")
        return False

    site.crash_when = steal
    with pytest.raises(LeaseLost, match="another took it over"):
        await site.deliver(await site.plan(), lease)
    assert site.publishes() == ["commonmodule/Hours 1.0"]


async def test_the_lease_is_kept_through_a_bake_that_is_longer_than_it(site: Site) -> None:
    site.want("desk", inbound("Desk"), rollout=Rollout(bake_s=3600))
    result = await site.deliver()
    assert result.outcome is Outcome.SUCCEEDED


async def test_every_write_has_an_intent_a_result_and_an_audit_entry(site: Site) -> None:
    three(site)
    result = await site.deliver()
    sync = site.store.journal.sync(result.sync_id)
    assert sync is not None
    writes = [write for step in sync.steps for write in step.writes]
    assert [write.action for write in writes] == ["register", "upload"] * 3
    assert all(write.outcome is not None for write in writes)
    entries = list(audit_entries(site.store, NAME))
    assert sum(entry.action in ("register", "upload") for entry in entries) == 6
    assert {entry.actor for entry in entries} == {"ada"}
    assert {entry.revision for entry in entries} == {"abc123"}
    assert all(entry.latency_ms is not None for entry in entries if entry.action == "upload")


async def _only(site: Site, *ids: str) -> Plan:
    plan = await site.plan()
    return replace(plan, changes=tuple(change for change in plan.changes if change.flow in ids))
