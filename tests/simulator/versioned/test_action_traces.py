"""Asynchronous traces of actions: a job, and the nodes that the action led to."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import httpx
import pytest

from controller.domain.traces import ActionTraceRequest
from controller.genesys.connect import VersionedPlatform
from controller.simulator.faults import Fault, FaultKind
from controller.simulator.simulator import Simulator
from tests.simulator.versioned.deeds import Json, by_hand, traffic
from tests.support.clock import SteppedClock

DIRECTIVES = {"captureContext": True, "captureData": False}


async def start(api: httpx.AsyncClient, flow_id: str, **change: Any) -> httpx.Response:
    body = {
        "flowId": flow_id,
        "actionInvocationId": "call-17",
        "traceDepth": 10,
        "contextDirectives": DIRECTIVES,
        "enableAsync": True,
    }
    return await api.post(f"/api/v2/flows/{flow_id}/debug", json=body | change)


async def finished(api: httpx.AsyncClient, clock: SteppedClock, flow_id: str, **change: Any) -> Json:
    """The job at its end."""
    answer = await start(api, flow_id, **change)
    clock.advance(2)
    return dict((await api.get(answer.headers["Location"])).json())


async def test_a_job_is_in_progress_then_completed(api: httpx.AsyncClient, line: str, clock: SteppedClock) -> None:
    answer = await start(api, line)
    location = answer.headers["Location"]
    assert (answer.status_code, location.startswith("http://simulator.test/api/v2/jobs/")) == (202, True)
    assert (await api.get(location)).json()["status"] == "in_progress"
    clock.advance(1.9)
    assert "result" not in (await api.get(location)).json()
    clock.advance(0.1)
    done = (await api.get(location)).json()
    assert (done["status"], len(done["result"])) == ("completed", 5)


async def test_a_location_can_be_relative(api: httpx.AsyncClient, line: str) -> None:
    await api.patch("/_simulator/settings", json={"absolute_location": False})
    location = (await start(api, line)).headers["Location"]
    assert location.startswith("/api/v2/jobs/")
    assert (await api.get(location)).status_code == 200


async def test_steps_run_through_the_flow_with_parallel_branches(
    api: httpx.AsyncClient, line: str, clock: SteppedClock
) -> None:
    rows = {row["nodeId"]: row for row in (await finished(api, clock, line))["result"]}
    parents = {node: row["parentId"] for node, row in rows.items()}
    assert parents == {"begin": None, "open": "begin", "serve": "open", "closed": "open", "bye": parents["bye"]}
    assert parents["bye"] in ("serve", "closed")
    for row in rows.values():
        begin, end = datetime.fromisoformat(row["startTime"]), datetime.fromisoformat(row["endTime"])
        assert end > begin
        if row["parentId"]:
            assert row["startTime"] == rows[row["parentId"]]["endTime"]
    assert all("context" in row and "data" not in row for row in rows.values())


async def test_a_trace_begins_at_the_action_and_ends_at_its_depth(
    api: httpx.AsyncClient, line: str, clock: SteppedClock
) -> None:
    below = await finished(api, clock, line, actionInvocationId="open")
    assert [row["nodeId"] for row in below["result"]] == ["open", "serve", "closed", "bye"]
    shallow = await finished(api, clock, line, traceDepth=2)
    assert [row["nodeId"] for row in shallow["result"]] == ["begin", "open"]


async def test_data_shows_the_simulated_inputs(api: httpx.AsyncClient, line: str, clock: SteppedClock) -> None:
    wanted = {"contextDirectives": {"captureData": True}, "simulatedInputs": {"Caller": "Ada"}}
    first, second = (await finished(api, clock, line, **wanted))["result"][:2]
    assert (first["data"], second["data"]) == ({"inputs": {"Caller": "Ada"}}, {"inputs": {}})


async def test_nodes_fail_as_often_as_executions_do(api: httpx.AsyncClient, line: str, clock: SteppedClock) -> None:
    await traffic(api, line, per_minute=1, error_rate=1.0, reason="BOOM")
    rows = (await finished(api, clock, line))["result"]
    assert [(row["nodeId"], row["status"]) for row in rows] == [("begin", "completed"), ("open", "failed")]
    assert rows[1]["errorMessage"] == "BOOM"


async def test_a_job_can_fail_with_a_message(
    api: httpx.AsyncClient, line: str, clock: SteppedClock, simulator: Simulator
) -> None:
    simulator.set_faults(Fault(name="x", kind=FaultKind.JOB_FAILS, message="The trace was lost."))
    job = await finished(api, clock, line)
    assert (job["status"], job["message"], "result" in job) == ("failed", "The trace was lost.", False)


@pytest.mark.parametrize(
    "change",
    [
        {"traceDepth": 0},
        {"traceDepth": 51},
        {"traceDepth": True},
        {"contextDirectives": {"captureContext": False, "captureData": False}},
        {"contextDirectives": None},
        {"actionInvocationId": ""},
        {"flowId": "another"},
        {"simulatedInputs": []},
        {"enableAsync": False},
    ],
)
async def test_a_request_that_does_not_fit_gets_400(api: httpx.AsyncClient, line: str, change: Json) -> None:
    assert (await start(api, line, **change)).status_code == 400


async def test_unknown_jobs_and_flows_that_are_not_live_are_refused(api: httpx.AsyncClient, line: str) -> None:
    assert (await api.get("/api/v2/jobs/nobody")).status_code == 404
    await by_hand(api, line, "unpublish")
    assert (await start(api, line)).status_code == 409


@pytest.mark.parametrize("absolute", [True, False])
async def test_the_client_starts_and_reads_a_job(
    platform: VersionedPlatform, api: httpx.AsyncClient, line: str, clock: SteppedClock, absolute: bool
) -> None:
    await api.patch("/_simulator/settings", json={"absolute_location": absolute})
    job_id = (await platform.action_traces.start(ActionTraceRequest(line, "open", simulated_inputs={"a": 1}))).job_id
    began_s = clock.elapsed_s
    job = await platform.action_traces.finished(job_id)
    assert clock.elapsed_s > began_s
    assert job.status == "completed"
    assert [row["nodeId"] for row in job.steps] == ["open", "serve", "closed", "bye"]


@pytest.mark.parametrize("shape", ["list", "object", "text"])
async def test_the_client_reads_a_result_of_every_shape_without_a_location(
    platform: VersionedPlatform, api: httpx.AsyncClient, line: str, shape: str
) -> None:
    """The document leaves both open."""
    change = {"debug_result": shape, "debug_location": False}
    (await api.patch("/_simulator/settings", json=change)).raise_for_status()
    begun = await platform.action_traces.start(ActionTraceRequest(line, "begin", 50))
    job = await platform.action_traces.finished(begun.job_id)
    assert job.unreadable is None
    assert len(job.steps) > 1
    assert job.announced == (len(job.steps) if shape == "object" else None)


@pytest.mark.parametrize("ending", ["cancelled", "error"])
async def test_the_client_is_told_of_every_ending(
    platform: VersionedPlatform, api: httpx.AsyncClient, line: str, ending: str
) -> None:
    (await api.patch("/_simulator/settings", json={"debug_ending": ending})).raise_for_status()
    begun = await platform.action_traces.start(ActionTraceRequest(line, "begin"))
    job = await platform.action_traces.finished(begun.job_id)
    assert (job.status, job.reason_text) == (ending, f"The trace was ended: {ending}.")
