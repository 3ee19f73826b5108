"""The versioned dialect against the simulated organisation: what the table promises really happens."""

from __future__ import annotations

from datetime import timedelta

import pytest

from controller.domain.desired import Stage
from controller.domain.errors.change import FlowLocked, NoSuchVersion, PublishFailed
from controller.domain.errors.organization import AnswerLost, NotFound, PermissionMissing, RequestRejected
from controller.domain.identity import FlowKey
from controller.domain.platform import Progress, ProgressState, PublishRequest, SwitchRequest, Ticket
from controller.domain.traces import ActionTraceRequest, SnapshotRange, TraceRequest
from controller.genesys.connect import VersionedPlatform
from controller.genesys.preflight import preflight
from controller.simulator.settings import SimulatedClient
from controller.simulator.simulator import Simulator
from tests.genesys.hands import Hands, ivr, module
from tests.support.clock import SteppedClock

DIGEST = "sha256:" + "0" * 64
ROUTED = "/api/v2/routing/flows/{flowId}"


async def _end(organization: VersionedPlatform, ticket: Ticket, clock: SteppedClock) -> list[Progress]:
    """Everything that was seen on the way."""
    seen = [await organization.publishing.progress(ticket)]
    while not seen[-1].finished and len(seen) < 200:
        await clock.sleep(5)
        seen.append(await organization.publishing.progress(ticket))
    return seen


async def test_flows_are_listed_with_what_is_live(hands: Hands, versioned: VersionedPlatform) -> None:
    flow_id = await hands.make(ivr())
    await hands.do("publish", flow_id, by="Grace Hopper")
    await hands.do("checkin", flow_id)
    [flow] = (await versioned.flows.listing()).flows
    assert (flow.id, flow.key, flow.published_version) == (flow_id, FlowKey("inboundcall", "Main IVR"), "2.0")
    assert flow.published_by == "Grace Hopper"
    assert await versioned.flows.get("00000000-0000-4000-8000-000000000000") is None


async def test_what_live_versions_refer_to_is_in_the_listing_already(
    simulator: Simulator, hands: Hands, versioned: VersionedPlatform
) -> None:
    """Its definition is that of the live version; of any other version the definition is asked for."""
    await hands.make(module("Greeting"))
    flow_id = await hands.make(ivr(module="Greeting"))
    await hands.do("publish", flow_id, text=ivr())
    await versioned.flows.listing()
    simulator.calls.clear()

    assert await versioned.versions.references(flow_id, "2.0") == []
    assert simulator.calls.count() == 0
    assert [each.name for each in await versioned.versions.references(flow_id, "1.0")] == ["Greeting"]
    assert simulator.calls.count("GET", "/api/v2/flows/{flowId}/versions/{versionId}") == 1


async def test_a_flow_is_read_as_it_is_now_although_the_listing_is_kept(
    simulator: Simulator, hands: Hands, versioned: VersionedPlatform
) -> None:
    flow_id = await hands.make(ivr())
    await versioned.flows.listing()
    await hands.do("publish", flow_id)
    flow = await versioned.flows.get(flow_id)
    assert flow
    assert (flow.published_version, flow.checked_in_version, flow.status) == ("2.0", "2.0", "deployed")
    await hands.do("unpublish", flow_id)
    flow = await versioned.flows.get(flow_id)
    assert flow
    assert flow.published_version is None
    await hands.do("delete", flow_id)
    assert await versioned.flows.get(flow_id) is None


async def test_a_flow_that_was_made_after_the_listing_is_found(hands: Hands, versioned: VersionedPlatform) -> None:
    await versioned.flows.listing()
    flow_id = await hands.make(ivr())
    found = await versioned.flows.find(FlowKey("inboundcall", "Main IVR"))
    assert found
    assert found.id == flow_id


async def test_a_staged_publish_goes_through_its_stages(
    hands: Hands, versioned: VersionedPlatform, clock: SteppedClock
) -> None:
    flow_id = await hands.make(ivr())
    await hands.do("checkin", flow_id)
    stages = (Stage(10, 60.0), Stage(50, 60.0), Stage(100, 0.0))
    ticket = await versioned.publishing.publish(PublishRequest(flow_id, "2.0", DIGEST, "promote", stages=stages))
    seen = await _end(versioned, ticket, clock)
    assert seen[-1].state is ProgressState.SUCCEEDED
    assert clock.elapsed_s >= 120
    assert [one for one in dict.fromkeys(progress.stage for progress in seen) if one][:2] == ["1", "2"]
    percents = [progress.percent or 0 for progress in seen]
    assert percents == sorted(percents)
    assert any(progress.eta_s for progress in seen)
    flow = await versioned.flows.get(flow_id)
    assert flow
    assert flow.published_version == "2.0"
    [listed] = (await versioned.flows.listing()).flows
    assert listed.published_version == "2.0"


async def test_a_publish_that_fails_tells_why(hands: Hands, versioned: VersionedPlatform, clock: SteppedClock) -> None:
    flow_id = await hands.make(ivr())
    await hands.do("checkin", flow_id)
    hands.break_down("publish-fails", message="A prompt is missing.")
    seen = await _end(versioned, await versioned.publishing.publish(PublishRequest(flow_id, "2.0", DIGEST)), clock)
    assert seen[-1].state is ProgressState.FAILED
    assert any("A prompt is missing." in message for message in seen[-1].messages)


async def test_a_switch_moves_what_is_live_at_once_and_only_once(
    simulator: Simulator, hands: Hands, versioned: VersionedPlatform
) -> None:
    flow_id = await hands.make(ivr())
    await hands.do("publish", flow_id)
    for _ in range(2):
        ticket = await versioned.publishing.switch(SwitchRequest(flow_id, "1.0", "2.0", "back"))
        assert (await versioned.publishing.progress(ticket)).state is ProgressState.SUCCEEDED
    flow = await versioned.flows.get(flow_id)
    assert flow
    assert flow.published_version == "1.0"
    assert simulator.calls.count("PUT", ROUTED) == 1
    assert await hands.history(flow_id, "publish") == ["1.0", "2.0", "1.0"]


async def test_a_switch_that_landed_elsewhere_is_a_failure(hands: Hands, versioned: VersionedPlatform) -> None:
    flow_id = await hands.make(ivr())
    await hands.do("publish", flow_id)
    hands.break_down("wrong-version", version="2.0")
    with pytest.raises(PublishFailed, match=r"answered with version 2\.0"):
        await versioned.publishing.switch(SwitchRequest(flow_id, "1.0", "2.0"))


async def test_a_switch_whose_answer_was_lost_is_sent_again_and_takes_effect_once(
    hands: Hands, versioned: VersionedPlatform
) -> None:
    flow_id = await hands.make(ivr())
    await hands.do("publish", flow_id)
    hands.break_down("reset", match={"route": ROUTED, "method": "PUT"}, point="after", times=1)
    await versioned.publishing.switch(SwitchRequest(flow_id, "1.0", "2.0"))
    assert await hands.history(flow_id, "publish") == ["1.0", "2.0", "1.0"]


async def test_a_publish_whose_answer_was_lost_is_not_sent_again(
    simulator: Simulator, hands: Hands, versioned: VersionedPlatform, clock: SteppedClock
) -> None:
    flow_id = await hands.make(ivr())
    await hands.do("checkin", flow_id)
    publish = "/api/v2/flows/{flowId}/versions/{versionId}/publish"
    hands.break_down("reset", match={"route": publish}, point="after", times=1)
    with pytest.raises(AnswerLost):
        await versioned.publishing.publish(PublishRequest(flow_id, "2.0", DIGEST))
    await clock.sleep(60)
    assert await hands.history(flow_id, "publish") == ["1.0", "2.0"]


async def test_a_draft_cannot_be_switched_to(hands: Hands, versioned: VersionedPlatform) -> None:
    flow_id = await hands.make(ivr())
    await hands.do("checkin", flow_id)
    with pytest.raises(RequestRejected, match="draft"):
        await versioned.publishing.switch(SwitchRequest(flow_id, "2.0", "1.0"))
    with pytest.raises(NoSuchVersion):
        await versioned.publishing.switch(SwitchRequest(flow_id, "9.0", "1.0"))


async def test_a_locked_flow_names_the_holder(hands: Hands, versioned: VersionedPlatform) -> None:
    flow_id = await hands.make(ivr())
    await hands.do("publish", flow_id)
    await versioned.flows.listing()
    await hands.do("lock", flow_id, by="Grace Hopper")
    with pytest.raises(FlowLocked, match="is locked by Grace Hopper") as caught:
        await versioned.publishing.switch(SwitchRequest(flow_id, "1.0", "2.0"))
    assert caught.value.holder == "Grace Hopper"
    flow = await versioned.flows.get(flow_id)
    assert flow
    assert flow.locked_by
    await hands.do("unlock", flow_id)
    flow = await versioned.flows.get(flow_id)
    assert flow
    assert flow.locked_by is None


async def test_another_deployment_makes_the_flow_busy(hands: Hands, versioned: VersionedPlatform) -> None:
    flow_id = await hands.make(ivr())
    await hands.do("checkin", flow_id)
    await versioned.publishing.publish(PublishRequest(flow_id, "2.0", DIGEST))
    with pytest.raises(FlowLocked, match="is busy") as caught:
        await versioned.publishing.publish(PublishRequest(flow_id, "2.0", DIGEST))
    assert caught.value.holder is None


async def test_validation_finds_what_is_missing(hands: Hands, versioned: VersionedPlatform) -> None:
    callee = await hands.make(module())
    flow_id = await hands.make(ivr(module="Greeting"))
    assert (await versioned.versions.validate(flow_id, "1.0")).successful
    await hands.do("delete", callee)
    report = await versioned.versions.validate(flow_id, "1.0")
    assert not report.successful
    assert any("Greeting" in finding.message for finding in report.errors)


async def test_references_and_exports_come_from_the_definition(hands: Hands, versioned: VersionedPlatform) -> None:
    callee = await hands.make(module())
    flow_id = await hands.make(ivr(module="Greeting"))
    [reference] = await versioned.versions.references(flow_id, "1.0")
    assert (reference.name, reference.types, reference.flow_id) == ("Greeting", ("commonmodule",), callee)
    assert (reference.action, reference.binds_at_publish) == ("callCommonModule", True)
    export = await versioned.versions.export(flow_id, "1.0")
    assert export.definition
    assert set(export.definition) == {"nodes", "transitions"}


async def test_executions_of_one_version_are_all_found(
    hands: Hands, versioned: VersionedPlatform, clock: SteppedClock
) -> None:
    flow_id = await hands.make(ivr())
    since = clock.now()
    await hands.executions(flow_id, per_minute=30, error_rate=0.2)
    clock.advance(600)
    await hands.do("publish", flow_id)
    clock.advance(600)
    found = [one async for one in versioned.executions.of_version(flow_id, "1.0", since=since, until=clock.now())]
    assert len(found) == len({one.id for one in found}) == 300
    assert 0.1 < sum(one.failed for one in found) / 300 < 0.3
    assert all(one.ended_at and one.ended_at > one.started_at for one in found)


async def test_a_trace_is_read_with_its_steps(hands: Hands, versioned: VersionedPlatform, clock: SteppedClock) -> None:
    flow_id = await hands.make(ivr())
    since = clock.now() - timedelta(minutes=1)
    await hands.executions(flow_id, count=3)
    request = TraceRequest(since, clock.now() + timedelta(minutes=1), flow_id, "1.0")
    traces = [trace.id async for trace in versioned.executions.found(request)]
    assert len(traces) == 3
    assert (await versioned.traces.header(traces[0]))["id"] == traces[0]
    steps = [step async for page in versioned.traces.steps(traces[0]) for step in page]
    assert steps
    assert [step["nextStepId"] for step in steps[:-1]] == [step["id"] for step in steps[1:]]
    ranged = TraceRequest(
        since, clock.now() + timedelta(minutes=1), flow_id, "1.0", snapshot_ranges=(SnapshotRange(0, 0),)
    )
    [first, *_] = [trace.id async for trace in versioned.executions.found(ranged)]
    [opening, *rest] = [step async for page in versioned.traces.steps(first) for step in page]
    assert opening["variables"]
    assert all(not step["variables"] for step in rest)
    with pytest.raises(NotFound, match="unknown, archived or expired"):
        await versioned.traces.header("no-such-trace")


async def test_an_action_is_traced_by_a_job(hands: Hands, versioned: VersionedPlatform) -> None:
    flow_id = await hands.make(ivr())
    begun = await versioned.action_traces.start(ActionTraceRequest(flow_id, "any", 10))
    job = await versioned.action_traces.finished(begun.job_id)
    assert job.status == "completed"
    first = job.steps[0]
    assert isinstance(first, dict)
    assert {"nodeId", "parentId", "startTime", "endTime", "status"} <= set(first)


async def test_a_job_that_fails_shows_its_message(hands: Hands, versioned: VersionedPlatform) -> None:
    flow_id = await hands.make(ivr())
    hands.break_down("job-fails", message="The invocation is not known.")
    begun = await versioned.action_traces.start(ActionTraceRequest(flow_id, "any"))
    job = await versioned.action_traces.finished(begun.job_id)
    assert (job.status, job.result) == ("failed", None)
    assert "The invocation is not known." in (job.reason_text or "")


async def test_preflight_names_the_missing_scopes(
    simulator: Simulator, versioned: VersionedPlatform, hands: Hands
) -> None:
    report = await preflight(versioned, ["observe", "switch", "publish"])
    assert report.ok
    simulator.clients["penstock"] = SimulatedClient(
        "penstock", "penstock-secret", permissions=frozenset({"flow:view", "flow:read"})
    )
    simulator.tokens.expire_all(simulator.clock.now())
    report = await preflight(versioned, ["observe", "switch", "publish"])
    assert report.missing_permissions == ("routing:flow:read",)
    assert report.unproven_permissions == ("flow:publish", "flow:write", "routing:flow:write")


async def test_a_client_that_may_do_nothing_is_told_everything(
    simulator: Simulator, versioned: VersionedPlatform
) -> None:
    simulator.clients["penstock"] = SimulatedClient("penstock", "penstock-secret", permissions=frozenset())
    report = await preflight(versioned, ["observe"])
    assert report.missing_permissions == ("flow:view", "routing:flow:read")
    with pytest.raises(PermissionMissing) as caught:
        await versioned.flows.listing()
    assert caught.value.permission == "flow:view"
