"""Traces and asynchronous debug jobs on the versioned dialect."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from controller.domain.errors import BadAnswer, ServerFault
from controller.domain.traces import ActionTraceRequest, SnapshotRange, TraceRequest
from tests.genesys.routed import connected, listed
from tests.genesys.scripted import reply
from tests.support.clock import SteppedClock

SINCE = datetime(2026, 1, 5, 11, 0, tzinfo=UTC)
UNTIL = SINCE + timedelta(hours=1)

QUERY = "POST /api/v2/flows/debug/traces/query"
STEPS = "GET /api/v2/flows/debug/traces/t1/steps"


def _trace(number: int, **fields: object) -> dict[str, object]:
    started = SINCE + timedelta(seconds=number)
    return {"id": f"t{number}", "status": "success", "startTime": started.isoformat(), **fields}


async def test_a_trace_query_is_written_in_snake_case(clock: SteppedClock) -> None:
    platform, answers = connected(clock, {QUERY: [listed(_trace(1), _trace(2))]})
    request = TraceRequest(SINCE, UNTIL, "f1", "2.0", session_token="s1", snapshot_ranges=(SnapshotRange(0, 9),))
    assert [trace.id async for trace in platform.found_executions(request)] == ["t1", "t2"]
    assert answers.body(QUERY) == {
        "flow_version_id": "f1:2.0",
        "session_token": "s1",
        "start_date_time": "2026-01-05T11:00:00.000Z",
        "end_date_time": "2026-01-05T12:00:00.000Z",
        "variable_snapshot_ranges": [{"start_step_index": 0, "end_step_index": 9}],
        "page_size": 100,
    }


@pytest.mark.parametrize("cursor", ["nextPageToken", "next_page_token"])
async def test_steps_come_page_by_page_in_order(clock: SteppedClock, cursor: str) -> None:
    pages = [
        reply(body={"entities": [{"id": "s1"}, {"id": "s2"}], cursor: "a b/c"}),
        reply(body={"entities": [{"id": "s3"}], cursor: None}),
    ]
    platform, answers = connected(clock, {STEPS: pages})
    steps = [[step["id"] for step in page] async for page in platform.trace_steps("t1")]
    assert steps == [["s1", "s2"], ["s3"]]
    queries = [dict(request.url.params) for request in answers.requests(STEPS)]
    assert queries == [{"pageSize": "100"}, {"pageSize": "100", "nextPageToken": "a b/c"}]


async def test_a_cursor_that_comes_twice_does_not_loop_for_ever(clock: SteppedClock) -> None:
    platform, answers = connected(clock, {STEPS: [reply(body={"entities": [], "nextPageToken": "again"})]})
    with pytest.raises(BadAnswer, match="same page token twice"):
        _ = [page async for page in platform.trace_steps("t1")]
    assert len(answers.calls) == 2


async def test_executions_are_counted_from_traces(clock: SteppedClock) -> None:
    rows = [
        _trace(1),
        _trace(2, status="error", errorMessage="No data"),
        _trace(3, status="timeout"),
        _trace(4, flowVersion="1.0"),
        _trace(9_999),
    ]
    platform, _ = connected(clock, {QUERY: [listed(*rows)]})
    found = [one async for one in platform.executions("f1", "2.0", since=SINCE, until=UNTIL)]
    assert [(one.id, one.failed, one.reason) for one in found] == [
        ("t1", False, None),
        ("t2", True, "No data"),
        ("t3", True, "timeout"),
    ]


async def test_an_answer_that_may_have_been_cut_is_asked_again_in_halves(clock: SteppedClock) -> None:
    """A query answers at most 100 rows here; 250 executions are found all the same, each once."""
    rows = [_trace(number * 10) for number in range(250)]

    def at_most_100(request: httpx.Request) -> httpx.Response:
        asked = json.loads(request.content)
        start, end = (datetime.fromisoformat(asked[name]) for name in ("start_date_time", "end_date_time"))
        fits = [row for row in rows if start <= datetime.fromisoformat(str(row["startTime"])) < end]
        return reply(body={"entities": fits[-100:]})

    platform, _ = connected(clock, {QUERY: [at_most_100]})
    found = [one.id async for one in platform.executions("f1", "2.0", since=SINCE, until=UNTIL)]
    assert sorted(found) == sorted(str(row["id"]) for row in rows)


async def test_a_trace_row_without_an_id_is_a_bad_answer(clock: SteppedClock) -> None:
    platform, _ = connected(clock, {QUERY: [listed({"status": "error"})]})
    with pytest.raises(BadAnswer, match="no usable id"):
        _ = [one async for one in platform.executions("f1", "2.0", since=SINCE, until=UNTIL)]


@pytest.mark.parametrize(
    "location",
    [
        "/api/v2/jobs/j%201",
        "https://api.genesys.test/api/v2/jobs/j%201",
        "https://elsewhere.test/api/v2/jobs/j%201/?expand=x",
        "j%201",
    ],
)
async def test_a_debug_job_is_named_by_the_last_segment_of_its_location(clock: SteppedClock, location: str) -> None:
    debug = "POST /api/v2/flows/f1/debug"
    done = reply(body={"status": "completed", "result": [{"nodeId": "n1"}]})
    routes = {debug: [reply(202, {}, headers={"Location": location})], "GET /api/v2/jobs/j 1": [done]}
    platform, answers = connected(clock, routes)
    job_id = await platform.start_debug(ActionTraceRequest("f1", "a1", 5, simulated_inputs={"x": 1}))
    assert job_id == "j 1"
    assert answers.body(debug) == {
        "flowId": "f1",
        "actionInvocationId": "a1",
        "traceDepth": 5,
        "contextDirectives": {"captureContext": True, "captureData": True},
        "enableAsync": True,
        "simulatedInputs": {"x": 1},
    }
    job = await platform.finished_debug_job(job_id)
    assert (job.status, job.result) == ("completed", [{"nodeId": "n1"}])


@pytest.mark.parametrize("location", ["", "/", "https://", "https://[x"])
async def test_a_location_without_a_job_is_a_bad_answer(clock: SteppedClock, location: str) -> None:
    answer = reply(202, {}, headers={"Location": location})
    platform, _ = connected(clock, {"POST /api/v2/flows/f1/debug": [answer]})
    with pytest.raises(BadAnswer, match="names no job"):
        await platform.start_debug(ActionTraceRequest("f1", "a1"))


JOB = "GET /api/v2/jobs/j1"
RUNNING = reply(body={"status": "in_progress"})


async def test_a_debug_job_is_looked_at_ever_more_rarely(clock: SteppedClock) -> None:
    done = reply(body={"status": "failed", "message": "No such invocation"})
    platform, answers = connected(clock, {JOB: [*[RUNNING] * 6, done]})
    job = await platform.finished_debug_job("j1")
    assert (job.status, job.message) == ("failed", "No such invocation")
    assert len(answers.calls) == 7
    assert 46 <= clock.elapsed_s <= 92


async def test_a_debug_job_that_says_when_to_come_back_is_obeyed(clock: SteppedClock) -> None:
    told = reply(body={"status": "in_progress"}, headers={"Retry-After": "17"})
    platform, _ = connected(clock, {JOB: [told, reply(body={"status": "completed", "result": []})]})
    assert (await platform.finished_debug_job("j1")).status == "completed"
    assert clock.elapsed_s == pytest.approx(17)


async def test_a_debug_job_that_does_not_end_is_given_up(clock: SteppedClock) -> None:
    platform, _ = connected(clock, {JOB: [RUNNING]})
    with pytest.raises(ServerFault, match="still in_progress after 100 s") as given_up:
        await platform.finished_debug_job("j1", timeout_s=100)
    assert clock.elapsed_s == pytest.approx(100)
    assert given_up.value.hint == "wait for the same job again: --job j1"
