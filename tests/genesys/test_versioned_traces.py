"""Traces and asynchronous debug jobs on the versioned dialect."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from controller.diagnosis.error_rate import measure_error_rate
from controller.domain.errors.organization import AnswerLost, BadAnswer, NotFound, PermissionMissing, ServerFault
from controller.domain.platform import Standing
from controller.domain.traces import ActionTraceRequest, SnapshotRange, TraceRequest
from tests.genesys.routed import VERSIONS, connected, listed, versions
from tests.genesys.scripted import refusal, reply
from tests.support.clock import SteppedClock

SINCE = datetime(2026, 1, 5, 11, 0, tzinfo=UTC)
UNTIL = SINCE + timedelta(hours=1)

QUERY = "POST /api/v2/flows/debug/traces/query"
STEPS = "GET /api/v2/flows/debug/traces/t1/steps"


def _trace(number: int, **fields: object) -> dict[str, object]:
    started = SINCE + timedelta(seconds=number)
    return {"id": f"t{number}", "status": "success", "startTime": started.isoformat(), **fields}


async def test_a_trace_query_is_written_in_snake_case(clock: SteppedClock) -> None:
    platform, answers = connected(clock, {QUERY: [listed(_trace(1), _trace(2))], VERSIONS: [versions(v2="deployed")]})
    request = TraceRequest(SINCE, UNTIL, "f1", "2.0", session_token="s1", snapshot_ranges=(SnapshotRange(0, 9),))
    assert [trace.id async for trace in platform.executions.found(request)] == ["t1", "t2"]
    assert answers.body(QUERY) == {
        "flow_version_id": "v2",
        "session_token": "s1",
        "start_date_time": "2026-01-05T11:00:00.000Z",
        "end_date_time": "2026-01-05T12:00:00.000Z",
        "variable_snapshot_ranges": [{"start_step_index": 0, "end_step_index": 9}],
        "page_size": 100,
    }


async def test_a_flow_without_a_version_is_queried_once_for_each_version_that_may_have_run(clock: SteppedClock) -> None:
    """An id is sent as the version list tells it; what ended before the range, or began after it, is not asked for."""
    ended, later = (SINCE - timedelta(days=2)).isoformat(), (UNTIL + timedelta(days=1)).isoformat()
    rows = [
        {"id": "old", "version": "1.0", "status": "published", "datePublishedEnd": ended},
        {"id": "was", "version": "2.0", "status": "published", "datePublished": ended},
        {"id": "is", "version": "3.0", "status": "deployed", "datePublished": ended},
        {"id": "next", "version": "4.0", "status": "published", "datePublished": later},
    ]
    answer = [listed(_trace(1)), listed({"id": "bare"})]
    platform, answers = connected(clock, {QUERY: answer, VERSIONS: [listed(*rows)]})
    found = [one async for one in platform.executions.found(TraceRequest(SINCE, UNTIL, "f1"))]
    sent = [json.loads(request.content)["flow_version_id"] for request in answers.requests(QUERY)]
    assert sent == ["is", "was"]
    assert [(one.id, one.version, one.standing) for one in found] == [
        ("t1", "3.0", Standing.ENDED),
        ("bare", "2.0", Standing.UNKNOWN),
    ]
    assert found[1].started_at is None


async def test_a_version_is_taken_for_an_id_where_the_client_may_not_list_versions(clock: SteppedClock) -> None:
    refused = refusal(403, "not.authorized", "Unable to perform the requested action.")
    platform, answers = connected(clock, {QUERY: [listed(_trace(1))], VERSIONS: [refused]})
    found = [one async for one in platform.executions.found(TraceRequest(SINCE, UNTIL, "f1", "aaaa-0001"))]
    assert [(one.id, one.flow_id) for one in found] == [("t1", "f1")]
    assert answers.body(QUERY)["flow_version_id"] == "aaaa-0001"
    with pytest.raises(PermissionMissing) as missing:
        _ = [one async for one in platform.executions.found(TraceRequest(SINCE, UNTIL, "f1"))]
    assert "--version ID" in str(missing.value.hint)


async def test_a_version_alone_is_an_id_and_costs_the_query_only(clock: SteppedClock) -> None:
    platform, answers = connected(clock, {QUERY: [listed(_trace(1))]})
    found = [one async for one in platform.executions.found(TraceRequest(SINCE, UNTIL, None, "aaaa-0001"))]
    assert [one.id for one in found] == ["t1"]
    assert answers.calls == [QUERY]
    assert answers.body(QUERY)["flow_version_id"] == "aaaa-0001"


async def test_what_rows_do_not_tell_is_read_from_their_traces_for_an_error_rate(clock: SteppedClock) -> None:
    """The document promises the id of a trace only; a trace that has ended is read once."""
    steps = {
        "good": [{"id": "a", "status": "success", "nextStepId": "b"}, {"id": "b", "status": "success"}],
        "bad": [{"id": "a", "status": "success", "nextStepId": "b"}, {"id": "b", "status": "timeout"}],
        "runs": [{"id": "a", "status": "success", "nextStepId": "b"}],
    }
    routes = {QUERY: [listed(*({"id": name} for name in steps))], VERSIONS: [versions(v2="deployed")]}
    for name, each in steps.items():
        routes[f"GET /api/v2/flows/debug/traces/{name}"] = [reply(body={"id": name})]
        routes[f"GET /api/v2/flows/debug/traces/{name}/steps"] = [listed(*each)]
    platform, answers = connected(clock, routes)
    for _ in range(2):
        found = [one async for one in platform.executions.of_version("f1", "2.0", since=SINCE, until=UNTIL)]
    assert [(one.id, one.standing.value, one.failed, one.reason) for one in found] == [
        ("good", "ended", False, None),
        ("bad", "ended", True, "timeout"),
        ("runs", "unknown", False, None),
    ]
    rate = measure_error_rate(found, since=SINCE, until=UNTIL, version="2.0")
    assert (rate.failed, rate.total, rate.running, rate.unknown) == (1, 2, 0, 1)
    assert answers.calls.count("GET /api/v2/flows/debug/traces/good/steps") == 1
    assert answers.calls.count("GET /api/v2/flows/debug/traces/runs/steps") == 2


@pytest.mark.parametrize("cursor", ["nextPageToken", "next_page_token"])
async def test_steps_come_page_by_page_in_order(clock: SteppedClock, cursor: str) -> None:
    pages = [
        reply(body={"entities": [{"id": "s1"}, {"id": "s2"}], cursor: "a b/c"}),
        reply(body={"entities": [{"id": "s3"}], cursor: None}),
    ]
    platform, answers = connected(clock, {STEPS: pages})
    steps = [[step["id"] for step in page] async for page in platform.traces.steps("t1")]
    assert steps == [["s1", "s2"], ["s3"]]
    queries = [dict(request.url.params) for request in answers.requests(STEPS)]
    assert queries == [{"pageSize": "100"}, {"pageSize": "100", "nextPageToken": "a b/c"}]


async def test_a_link_to_the_next_page_of_steps_is_followed_by_its_token(clock: SteppedClock) -> None:
    link = "/api/v2/flows/debug/traces/t1/steps?pageSize=100&nextPageToken=a%20b"
    pages = [reply(body={"entities": [{"id": "s1"}], "nextUri": link}), listed({"id": "s2"})]
    platform, answers = connected(clock, {STEPS: pages})
    assert [[step["id"] for step in page] async for page in platform.traces.steps("t1")] == [["s1"], ["s2"]]
    assert answers.requests(STEPS)[1].url.params["nextPageToken"] == "a b"


async def test_a_cursor_that_comes_twice_does_not_loop_for_ever(clock: SteppedClock) -> None:
    platform, answers = connected(clock, {STEPS: [reply(body={"entities": [], "nextPageToken": "again"})]})
    with pytest.raises(BadAnswer, match="same page token twice"):
        _ = [page async for page in platform.traces.steps("t1")]
    assert len(answers.calls) == 2


async def test_executions_are_counted_from_traces(clock: SteppedClock) -> None:
    rows = [
        _trace(1),
        _trace(2, status="error", errorMessage="No data"),
        _trace(3, status="timeout"),
        _trace(4, flowVersion="1.0"),
        _trace(9_999),
    ]
    platform, _ = connected(clock, {QUERY: [listed(*rows)], VERSIONS: [versions(v2="deployed")]})
    found = [one async for one in platform.executions.of_version("f1", "2.0", since=SINCE, until=UNTIL)]
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

    platform, _ = connected(clock, {QUERY: [at_most_100], VERSIONS: [versions(v2="deployed")]})
    found = [one.id async for one in platform.executions.of_version("f1", "2.0", since=SINCE, until=UNTIL)]
    assert sorted(found) == sorted(str(row["id"]) for row in rows)


async def test_a_trace_row_without_an_id_is_a_bad_answer(clock: SteppedClock) -> None:
    platform, _ = connected(clock, {QUERY: [listed({"status": "error"})], VERSIONS: [versions(v2="deployed")]})
    with pytest.raises(BadAnswer, match="no usable id"):
        _ = [one async for one in platform.executions.of_version("f1", "2.0", since=SINCE, until=UNTIL)]


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
    begun = await platform.action_traces.start(ActionTraceRequest("f1", "a1", 5, simulated_inputs={"x": 1}))
    assert (begun.job_id, begun.job) == ("j 1", None)
    assert answers.body(debug) == {
        "flowId": "f1",
        "actionInvocationId": "a1",
        "traceDepth": 5,
        "contextDirectives": {"captureContext": True, "captureData": True},
        "enableAsync": True,
        "simulatedInputs": {"x": 1},
    }
    job = await platform.action_traces.finished(begun.job_id)
    assert (job.status, job.steps) == ("completed", [{"nodeId": "n1"}])


@pytest.mark.parametrize("location", ["/", "https://", "https://[x"])
async def test_a_location_without_a_job_is_a_bad_answer(clock: SteppedClock, location: str) -> None:
    answer = reply(202, {}, headers={"Location": location})
    platform, _ = connected(clock, {"POST /api/v2/flows/f1/debug": [answer]})
    with pytest.raises(BadAnswer, match="names no job"):
        await platform.action_traces.start(ActionTraceRequest("f1", "a1"))


@pytest.mark.parametrize(
    ("status", "body", "job_id", "steps"),
    [
        (200, {"status": "completed", "result": [{"nodeId": "n1"}]}, "", 1),
        (200, {"result": {"steps": [{"nodeId": "n1"}, {"nodeId": "n2"}]}}, "", 2),
        (202, {"id": "j7", "status": "in_progress"}, "j7", None),
        (202, {"jobId": "j7"}, "j7", None),
    ],
)
async def test_an_answer_without_a_location_is_the_trace_itself_or_names_its_job(
    clock: SteppedClock, status: int, body: dict[str, object], job_id: str, steps: int | None
) -> None:
    platform, _ = connected(clock, {"POST /api/v2/flows/f1/debug": [reply(status, body)]})
    begun = await platform.action_traces.start(ActionTraceRequest("f1", "a1"))
    assert begun.job_id == job_id
    assert (begun.job and len(begun.job.steps)) == steps


async def test_a_lost_answer_to_the_start_of_a_trace_says_that_it_may_be_started_again(clock: SteppedClock) -> None:
    lost = refusal(502, "bad.gateway", "down")
    platform, answers = connected(clock, {"POST /api/v2/flows/f1/debug": [lost]})
    with pytest.raises(AnswerLost) as error:
        await platform.action_traces.start(ActionTraceRequest("f1", "a1"))
    assert "it changes nothing" in str(error.value.hint)
    assert len(answers.calls) == 1


JOB = "GET /api/v2/jobs/j1"
RUNNING = reply(body={"status": "in_progress"})


async def test_a_debug_job_is_looked_at_ever_more_rarely(clock: SteppedClock) -> None:
    done = reply(body={"status": "failed", "message": "No such invocation"})
    platform, answers = connected(clock, {JOB: [*[RUNNING] * 6, done]})
    job = await platform.action_traces.finished("j1")
    assert (job.status, job.reason_text) == ("failed", "No such invocation")
    assert len(answers.calls) == 7
    assert 46 <= clock.elapsed_s <= 92


@pytest.mark.parametrize("status", ["failed", "cancelled", "Canceled", "error"])
async def test_every_ending_of_a_debug_job_is_told_with_its_message(clock: SteppedClock, status: str) -> None:
    ended = reply(body={"status": status, "message": "Somebody stopped it"})
    platform, answers = connected(clock, {JOB: [RUNNING, ended]})
    job = await platform.action_traces.finished("j1")
    assert (job.status, job.reason_text, job.steps) == (status, "Somebody stopped it", ())
    assert len(answers.calls) == 2


@pytest.mark.parametrize(
    ("result", "steps", "announced", "unreadable"),
    [
        ([{"nodeId": "a"}, None], 2, None, None),
        ({"steps": [{"nodeId": "a"}], "totalSteps": 4}, 1, 4, None),
        ('[{"nodeId": "a"}]', 1, None, None),
        ('{"steps": [], "expectedSteps": 3}', 0, 3, None),
        (None, 0, None, None),
        ("not JSON", 0, None, "the result holds no list of steps"),
        ({"trace": 1}, 0, None, "the result holds no list of steps"),
    ],
)
async def test_a_result_may_have_any_shape(
    clock: SteppedClock, result: object, steps: int, announced: int | None, unreadable: str | None
) -> None:
    """While the job runs nobody looks at what it has so far."""
    partial = reply(body={"status": "in_progress", "result": {}})
    ended = reply(body={"status": "completed", "result": result})
    platform, _ = connected(clock, {JOB: [partial, ended]})
    job = await platform.action_traces.finished("j1")
    assert (len(job.steps), job.announced, job.unreadable) == (steps, announced, unreadable)


async def test_an_outage_of_under_five_minutes_ends_no_polling_and_costs_no_time(clock: SteppedClock) -> None:
    """Four minutes of 503 in a poll that may take one; the job is read once the organisation is back."""
    began = clock.monotonic()

    def away(_: httpx.Request) -> httpx.Response:
        if clock.monotonic() - began < 240:
            return refusal(503, "service.unavailable", "down")
        return reply(body={"status": "completed", "result": []})

    platform, _ = connected(clock, {JOB: [RUNNING, away]})
    assert (await platform.action_traces.finished("j1", timeout_s=60)).status == "completed"
    assert 240 <= clock.elapsed_s <= 300


async def test_an_outage_of_five_minutes_ends_the_polling_and_names_the_job(clock: SteppedClock) -> None:
    platform, _ = connected(clock, {JOB: [RUNNING, refusal(503, "service.unavailable", "down")]})
    with pytest.raises(ServerFault, match="job j1 could not be read for") as error:
        await platform.action_traces.finished("j1")
    assert error.value.hint == "the job may still run; wait for it with --job j1"
    assert 300 <= clock.elapsed_s <= 400


async def test_every_error_after_the_submission_names_the_job(clock: SteppedClock) -> None:
    platform, _ = connected(clock, {JOB: [refusal(403, "not.authorized", "no")]})
    with pytest.raises(PermissionMissing) as error:
        await platform.action_traces.finished("j1")
    assert "--job j1" in str(error.value.hint)


async def test_a_job_that_was_just_started_may_not_be_found_yet(clock: SteppedClock) -> None:
    missing = refusal(404, "not.found", "job not found")
    done = reply(body={"status": "completed", "result": []})
    platform, _ = connected(clock, {JOB: [missing, missing, done]})
    assert (await platform.action_traces.finished("j1", just_started=True)).status == "completed"
    platform, answers = connected(clock, {JOB: [missing]})
    with pytest.raises(NotFound):
        await platform.action_traces.finished("j1")
    assert len(answers.calls) == 1


async def test_a_debug_job_that_says_when_to_come_back_is_obeyed(clock: SteppedClock) -> None:
    running = reply(body={"status": "in_progress"}, headers={"Retry-After": "17"})
    platform, _ = connected(clock, {JOB: [running, reply(body={"status": "completed", "result": []})]})
    assert (await platform.action_traces.finished("j1")).status == "completed"
    assert clock.elapsed_s == pytest.approx(17)


async def test_a_debug_job_that_does_not_end_is_given_up(clock: SteppedClock) -> None:
    platform, _ = connected(clock, {JOB: [RUNNING]})
    with pytest.raises(ServerFault, match="still in_progress after 100 s") as given_up:
        await platform.action_traces.finished("j1", timeout_s=100)
    assert clock.elapsed_s == pytest.approx(100)
    assert given_up.value.hint == "the job may still run; wait for it with --job j1"
