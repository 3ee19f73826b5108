"""Traces of executions: queried, paged, following the flow's own structure, gone after the retention time."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from controller.domain.traces import SnapshotRange, TraceRequest
from controller.genesys.connect import VersionedPlatform
from controller.simulator.simulator import Simulator
from tests.simulator.versioned.deeds import Json, make, query, traffic
from tests.support.clock import SteppedClock

TRACES = "/api/v2/flows/debug/traces"


async def steps(api: httpx.AsyncClient, trace_id: str, size: int = 100) -> list[Json]:
    """All steps, a page at a time."""
    token, found = "", []
    while token is not None:
        answer = await api.get(f"{TRACES}/{trace_id}/steps", params={"pageSize": size, "nextPageToken": token})
        page = answer.raise_for_status().json()
        assert len(page["entities"]) <= size
        found += page["entities"]
        token = page["nextPageToken"]
    return found


async def test_traces_belong_to_the_version_and_the_time_asked_for(
    api: httpx.AsyncClient, line: str, main: str, clock: SteppedClock
) -> None:
    await traffic(api, line, count=5)
    await traffic(api, main, count=2)
    clock.advance(600)
    await traffic(api, line, count=3, version="2.0")
    clock.advance(1)
    assert len((await query(api, clock, f"{line}:1.0"))["entities"]) == 5
    assert len((await query(api, clock, f"{line}:2.0"))["entities"]) == 3
    assert len((await query(api, clock, line))["entities"]) == 8
    assert len((await query(api, clock, None))["entities"]) == 10
    recent = (clock.now() - timedelta(minutes=5)).isoformat()
    assert len((await query(api, clock, line, start_date_time=recent))["entities"]) == 3
    header = (await query(api, clock, f"{main}:1.0"))["entities"][0]
    assert (header["flowName"], header["flowVersion"], header["status"]) == ("Main IVR", "1.0", "completed")
    assert (await api.get(f"{TRACES}/{header['id']}")).json() == header


async def test_a_query_gives_its_rows_page_by_page(api: httpx.AsyncClient, line: str, clock: SteppedClock) -> None:
    await traffic(api, line, count=25)
    clock.advance(1)
    token, ids, pages = None, [], 0
    while pages == 0 or token:
        page = await query(api, clock, line, page_size=10, next_page_token=token)
        ids += [row["id"] for row in page["entities"]]
        token, pages = page["nextPageToken"], pages + 1
    assert (pages, len(ids), len(set(ids))) == (3, 25, 25)


async def test_a_session_token_chooses_its_session(api: httpx.AsyncClient, line: str, clock: SteppedClock) -> None:
    await traffic(api, line, count=3)
    clock.advance(1)
    one = (await query(api, clock, line))["entities"][1]
    found = (await query(api, clock, None, session_token=one["sessionToken"]))["entities"]
    assert [row["id"] for row in found] == [one["id"]]


async def test_steps_follow_the_transitions_of_the_flow(api: httpx.AsyncClient, line: str, clock: SteppedClock) -> None:
    await traffic(api, line, count=20)
    clock.advance(1)
    taken = set()
    for row in (await query(api, clock, line))["entities"]:
        walked = await steps(api, row["id"])
        nodes = [step["nodeId"] for step in walked]
        taken.add(tuple(nodes))
        assert [step["nextStepId"] for step in walked] == [step["id"] for step in walked[1:]] + [None]
        assert walked[1]["branch"] == {"serve": "yes", "closed": "no"}[nodes[2]]
        assert sorted(step["startTime"] for step in walked) == [step["startTime"] for step in walked]
        assert all(step["status"] == "success" for step in walked)
        assert await steps(api, row["id"]) == walked
    assert taken == {("begin", "open", "serve", "bye"), ("begin", "open", "closed", "bye")}


async def test_variables_are_carried_from_step_to_step(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock, main: str
) -> None:
    await traffic(api, main, count=1)
    clock.advance(1)
    (row,) = (await query(api, clock, main))["entities"]
    walked = await steps(api, row["id"])
    assert all(step["variables"]["Flow.Version"] == "1.0" for step in walked)
    inside = [step for step in walked if "Common.Greeting" in step["variables"]]
    assert inside[0]["type"] == "updateData"
    assert inside[0]["variables"]["Common.Greeting"] == "Hello"
    kinds = [step["type"] for step in walked]
    call = kinds.index("callCommonModule")
    ended = kinds.index("endedCommonModule")
    assert kinds[call + 1] == "startedCommonModule"
    assert {step.get("parentId") for step in walked[call + 1 : ended + 1]} == {walked[call]["id"]}
    assert "Common.Greeting" not in walked[ended]["variables"]


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        ("ACTION_ERROR", "error"),
        ("DATA_ACTION_TIMEOUT", "timeout"),
        ("SERVICE_UNAVAILABLE", "service_unavailable"),
        ("INVALID_INPUT", "validation_error"),
    ],
)
async def test_a_failed_execution_ends_at_the_step_that_failed(
    api: httpx.AsyncClient, line: str, clock: SteppedClock, reason: str, status: str
) -> None:
    await traffic(api, line, count=10, error_rate=0.3, reason=reason)
    clock.advance(1)
    rows = (await query(api, clock, line))["entities"]
    failed = [row for row in rows if row["status"] == status]
    assert len(failed) == 3
    assert {row["status"] for row in rows} == {status, "completed"}
    walked = await steps(api, failed[0]["id"])
    assert (walked[-1]["status"], walked[-1]["errorMessage"]) == (status, reason)
    assert {step["status"] for step in walked[:-1]} == {"success"}


async def test_loops_end_and_pages_of_steps_join(api: httpx.AsyncClient, clock: SteppedClock) -> None:
    nodes = {f"n{number:03}": {"type": "task", "name": str(number)} for number in range(250)}
    ways = [{"id": f"t{number}", "from": f"n{number:03}", "to": f"n{(number + 1) % 250:03}"} for number in range(250)]
    flow_id = (await make(api, "Round", {"nodes": nodes, "transitions": ways}))["id"]
    await traffic(api, flow_id, count=1)
    clock.advance(1)
    (row,) = (await query(api, clock, flow_id))["entities"]
    walked = await steps(api, row["id"])
    assert len(walked) == 500
    assert len({step["id"] for step in walked}) == 500
    assert await steps(api, row["id"], size=7) == walked


async def test_variables_are_shown_in_the_ranges_that_were_asked_for(
    api: httpx.AsyncClient, line: str, clock: SteppedClock
) -> None:
    await traffic(api, line, count=1)
    clock.advance(1)
    ranges = [{"start_step_index": 0, "end_step_index": 0}, {"start_step_index": 2, "end_step_index": 9}]
    (row,) = (await query(api, clock, line, variable_snapshot_ranges=ranges))["entities"]
    shown = [bool(step["variables"]) for step in await steps(api, row["id"])]
    assert shown == [True, False, True, True]
    (whole,) = (await query(api, clock, line))["entities"]
    assert all(step["variables"] for step in await steps(api, whole["id"]))


async def test_traces_are_gone_after_the_retention_time(api: httpx.AsyncClient, line: str, clock: SteppedClock) -> None:
    await traffic(api, line, count=1)
    clock.advance(1)
    (row,) = (await query(api, clock, line))["entities"]
    clock.advance(30 * 86_400)
    api.headers["Authorization"] = f"Bearer {await fresh(api)}"
    for path in (f"{TRACES}/{row['id']}", f"{TRACES}/{row['id']}/steps", f"{TRACES}/unknown"):
        assert (await api.get(path)).status_code == 404
    month = (clock.now() - timedelta(days=40)).isoformat()
    assert (await query(api, clock, line, start_date_time=month))["entities"] == []
    await api.patch("/_simulator/settings", json={"trace_retention_days": 90})
    assert (await api.get(f"{TRACES}/{row['id']}")).status_code == 200
    assert len((await query(api, clock, line, start_date_time=month))["entities"]) == 1


async def fresh(api: httpx.AsyncClient) -> str:
    form = {"grant_type": "client_credentials", "client_id": "penstock", "client_secret": "penstock-secret"}
    return str((await api.post("/oauth/token", data=form)).json()["access_token"])


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"session_token": ""}, 400),
        ({"page_size": 101}, 400),
        ({"page_size": True}, 400),
        ({"start_date_time": "yesterday"}, 400),
        ({"start_date_time": "2027-01-01T00:00:00Z"}, 400),
        ({"end_date_time": None}, 400),
        ({"next_page_token": "%%%"}, 400),
        ({"next_page_token": "YWJj"}, 400),
        ({"variable_snapshot_ranges": [{"start_step_index": 3, "end_step_index": 1}]}, 400),
        ({"flow_version_id": 7}, 400),
        ({"flow_version_id": "no-such-version"}, 404),
    ],
)
async def test_a_query_that_does_not_fit_is_refused(
    api: httpx.AsyncClient, clock: SteppedClock, change: Json, status: int
) -> None:
    with pytest.raises(httpx.HTTPStatusError) as refused:
        await query(api, clock, None, **change)
    assert refused.value.response.json()["status"] == status


async def test_the_client_reads_traces(
    platform: VersionedPlatform, api: httpx.AsyncClient, clock: SteppedClock
) -> None:
    nodes = {f"n{number:03}": {"type": "task", "name": str(number)} for number in range(130)}
    ways = [{"id": f"t{number}", "from": f"n{number:03}", "to": f"n{number + 1:03}"} for number in range(129)]
    flow_id = (await make(api, "Long", {"nodes": nodes, "transitions": ways}))["id"]
    await traffic(api, flow_id, count=4, error_rate=0.25)
    clock.advance(1)
    since = clock.now() - timedelta(minutes=5)
    found = [one async for one in platform.executions.of_version(flow_id, "1.0", since=since, until=clock.now())]
    assert [one.reason for one in found if one.failed] == ["ACTION_ERROR"]
    request = TraceRequest(since, clock.now(), flow_id, "1.0", snapshot_ranges=(SnapshotRange(0, 4),))
    whole, *_ = [row async for row in platform.executions.found(request) if not row.failed]
    assert (await platform.traces.header(whole.id))["flowName"] == "Long"
    pages = [page async for page in platform.traces.steps(whole.id)]
    assert [len(page) for page in pages] == [100, 30]
    assert [bool(step["variables"]) for step in pages[0][:6]] == [True] * 5 + [False]


async def test_bare_traces_tell_their_id_and_their_steps_tell_the_rest(
    platform: VersionedPlatform, api: httpx.AsyncClient, line: str, clock: SteppedClock
) -> None:
    """So the document has it; an error rate is measured all the same."""
    (await api.patch("/_simulator/settings", json={"bare_traces": True, "opaque_version_ids": True})).raise_for_status()
    await traffic(api, line, count=4, error_rate=0.25)
    clock.advance(60)
    rows = (await api.post("/api/v2/flows/debug/traces/query", json=asked(clock))).raise_for_status().json()["entities"]
    assert [set(row) for row in rows] == [{"id"}] * 4
    since, until = clock.now() - timedelta(minutes=5), clock.now()
    found = [one async for one in platform.executions.of_version(line, "1.0", since=since, until=until)]
    assert {(one.standing.value, one.started_at) for one in found} == {("ended", None)}
    assert sorted(one.failed for one in found) == [False, False, False, True]


def asked(clock: SteppedClock) -> Json:
    return {
        "session_token": "anybody",
        "start_date_time": (clock.now() - timedelta(hours=1)).isoformat(),
        "end_date_time": clock.now().isoformat(),
    }
