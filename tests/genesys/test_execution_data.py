"""Execution data on the architect dialect: all executions of a version in spite of cut answers, files, launches."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from io import BytesIO

import pytest
from structlog.testing import capture_logs

from controller.domain.errors.organization import BadAnswer, RequestRejected, ServerFault
from controller.domain.traces import TraceRequest
from controller.genesys.architect.executions import ArchitectExecutionFiles, ArchitectLaunches
from controller.genesys.connect import ArchitectPlatform
from controller.genesys.narrowing import MOST_CALLS
from controller.simulator.simulator import Simulator
from tests.genesys.hands import Hands, ivr, workflow
from tests.genesys.scripted import reply, script
from tests.support.clock import SteppedClock

QUERY = "/api/v2/flows/instances/query"
JOBS = "/api/v2/flows/instances/jobs"


async def test_every_execution_of_a_version_is_found_once_although_answers_are_cut(
    simulator: Simulator, hands: Hands, organization: ArchitectPlatform, clock: SteppedClock
) -> None:
    flow_id = await hands.make(ivr())
    since = clock.now()
    await hands.executions(flow_id, per_minute=60, error_rate=0.1)
    clock.advance(900)
    await hands.do("publish", flow_id)
    clock.advance(900)
    found = [one async for one in organization.executions.of_version(flow_id, "1.0", since=since, until=clock.now())]
    assert len(found) == len({one.id for one in found}) == 900
    assert all(one.version == "1.0" and one.started_at < since + timedelta(seconds=900) for one in found)
    assert 0.05 < sum(one.failed for one in found) / 900 < 0.15
    assert all(one.reason for one in found if one.failed)
    assert simulator.calls.count("POST", QUERY) < 40


async def test_the_range_holds_its_start_and_not_its_end(
    hands: Hands, organization: ArchitectPlatform, clock: SteppedClock
) -> None:
    flow_id = await hands.make(ivr())
    start = clock.now()
    await hands.executions(flow_id, per_minute=60)
    clock.advance(120)
    since, until = start + timedelta(seconds=10), start + timedelta(seconds=20)
    found = [
        one.started_at async for one in organization.executions.of_version(flow_id, "1.0", since=since, until=until)
    ]
    assert sorted(found) == [since + timedelta(seconds=second) for second in range(10)]


async def test_a_burst_in_one_moment_ends_as_a_sample_and_is_told(
    simulator: Simulator, hands: Hands, organization: ArchitectPlatform, clock: SteppedClock
) -> None:
    """500 executions start in the same millisecond: no stretch of time is narrow enough."""
    flow_id = await hands.make(ivr())
    since = clock.now() - timedelta(minutes=5)
    await hands.executions(flow_id, count=500)
    until = clock.now() + timedelta(minutes=1)
    with capture_logs() as logs:
        found = [one async for one in organization.executions.of_version(flow_id, "1.0", since=since, until=until)]
    assert len(found) == 200
    assert simulator.calls.count("POST", QUERY) <= MOST_CALLS
    assert [entry["event"] for entry in logs if entry["log_level"] == "warning"] == ["executions.sampled"]


async def test_a_flood_costs_a_bounded_number_of_calls_and_is_sampled_evenly(clock: SteppedClock) -> None:
    def flood(request: object) -> object:
        body = json.loads(request.content)  # type: ignore[attr-defined]
        start = next(group["criteria"]["value"] for group in body["query"] if group["criteria"]["operator"] == "gte")
        rows = [
            {"id": f"{start}-{number}", "flowId": "f", "flowVersion": "1.0", "startDateTime": start}
            for number in range(200)
        ]
        return reply(body={"entities": rows})

    organization = script(flood)  # type: ignore[arg-type]
    platform = ArchitectPlatform(organization.transport(clock))
    since = datetime.fromisoformat("2026-01-05T11:00:00Z")
    until = since + timedelta(hours=1)
    found = [one.started_at async for one in platform.executions.of_version("f", "1.0", since=since, until=until)]
    assert len(organization.requests) <= MOST_CALLS
    halves = [moment < since + timedelta(minutes=30) for moment in found]
    assert 0.4 < sum(halves) / len(halves) < 0.6


async def test_no_executions_are_an_empty_answer(
    simulator: Simulator, hands: Hands, organization: ArchitectPlatform, clock: SteppedClock
) -> None:
    flow_id = await hands.make(ivr())
    since = clock.now() - timedelta(hours=1)
    assert [
        one async for one in organization.executions.of_version(flow_id, "1.0", since=since, until=clock.now())
    ] == []
    assert simulator.calls.count("POST", QUERY) == 1


async def fetched(organization: ArchitectPlatform, *ids: str) -> dict[str, dict]:
    """The files that could be rendered, by execution."""
    files = {}
    for each in await organization.execution_files.rendered(ids):
        sink = BytesIO()
        await each.save(sink)
        files[each.id] = json.loads(sink.getvalue())["flow"]
    return files


async def test_the_files_of_a_conversation_are_rendered_and_fetched(
    simulator: Simulator, hands: Hands, organization: ArchitectPlatform, clock: SteppedClock
) -> None:
    """Several are rendered by one job, one is asked for by its id."""
    flow_id = await hands.make(ivr())
    since = clock.now() - timedelta(minutes=1)
    await hands.executions(flow_id, count=1)
    [one] = [one async for one in organization.executions.of_version(flow_id, "1.0", since=since, until=clock.now())]
    files = await fetched(organization, one.id, "no-such-execution")
    assert {each: file["flowId"] for each, file in files.items()} == {one.id: flow_id}
    assert simulator.calls.count("POST", JOBS) == 1

    request = TraceRequest(since, clock.now(), conversation_id=files[one.id]["conversationId"])
    assert [each.id async for each in organization.executions.found(request)] == [one.id]

    assert await fetched(organization, one.id) == files
    assert simulator.calls.count("GET", "/api/v2/flows/instances/{instanceId}") == 1
    assert simulator.calls.count("POST", JOBS) == 1


async def test_an_execution_that_the_organisation_does_not_know_has_no_file(organization: ArchitectPlatform) -> None:
    assert await organization.execution_files.rendered(["no-such-execution"]) == []


@pytest.mark.parametrize("ids", [["x1"], ["x1", "x2"]])
@pytest.mark.parametrize(
    ("state", "error"), [("Failed", "ended as Failed"), ("Running", "not rendered in time"), ("Odd", "ended as Odd")]
)
async def test_execution_data_that_cannot_be_rendered_is_told(
    clock: SteppedClock, ids: list[str], state: str, error: str
) -> None:
    transport = script(reply(body={"id": "j1", "jobState": state})).transport(clock)
    with pytest.raises(ServerFault if state == "Running" else BadAnswer, match=error):
        await ArchitectExecutionFiles(transport).rendered(ids)


async def test_a_workflow_is_launched_and_followed(
    hands: Hands, organization: ArchitectPlatform, clock: SteppedClock
) -> None:
    flow_id = await hands.make(workflow())
    launched = await organization.launches.start(flow_id, "1.0", {"Flow.Order": 7})
    assert launched.state == "running"
    assert (await organization.launches.state(launched.id)).state == "running"
    clock.advance(60)
    assert (await organization.launches.state(launched.id)).state == "completed"


async def test_a_launch_that_fails_tells_why(
    hands: Hands, organization: ArchitectPlatform, clock: SteppedClock
) -> None:
    flow_id = await hands.make(workflow())
    await hands.executions(flow_id, per_minute=1, error_rate=1.0, reason="DATA_ACTION_FAILED")
    launched = await organization.launches.start(flow_id, "1.0", {})
    clock.advance(60)
    failed = await organization.launches.state(launched.id)
    assert failed.state == "failed"
    assert "DATA_ACTION_FAILED" in (failed.message or "")


@pytest.mark.parametrize(
    ("status", "state"),
    [("UNKNOWN", "running"), ("RUNNING", "running"), ("COMPLETED", "completed"), ("ERROR", "failed")]
    + [(status, "failed") for status in ("TERMINATED", "FAILED", "SOMETHING_NEW")],
)
async def test_only_completed_counts_as_well(clock: SteppedClock, status: str, state: str) -> None:
    transport = script(reply(body={"id": "x1", "status": status})).transport(clock)
    assert (await ArchitectLaunches(transport).state("x1")).state == state


async def test_a_flow_that_cannot_be_launched_is_rejected(hands: Hands, organization: ArchitectPlatform) -> None:
    flow_id = await hands.make(ivr())
    with pytest.raises(RequestRejected, match="cannot be launched"):
        await organization.launches.start(flow_id, "1.0", {})
