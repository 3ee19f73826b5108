"""Rows D, T and J at the command line: calls in their order and with their bodies, and what is printed of them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from tests.conformance.desk import Desk
from tests.conformance.diagnosis_servers import LITERAL, DiagnosisServer, Seen, asked, literal, ours, tokens

_LITERAL = (pytest.mark.nightly, pytest.mark.skipif(not LITERAL.exists(), reason="the other server is absent"))
MAIN, DRAFT, LOOP = "5c1b0000-0000-4000-8000-00000000000a", "flow-draft", "flow-loop"
VERSION = "0b8f0000-0000-4000-8000-000000000001"
"""The id of the version 1.0.0 of `Main`."""
TRACE = "trace-1"


def flow(key: str, name: str, status: str, *ends: tuple[str, str]) -> dict[str, Any]:
    """A flow whose nodes lead to each other as these pairs say; nobody tells its type."""
    names = dict.fromkeys(name for pair in ends for name in pair)
    nodes = {name: {"type": "task", "name": name.upper()} for name in names}
    ways = [{"id": f"t{place}", "from": here, "to": there} for place, (here, there) in enumerate(ends, 1)]
    definition = {"nodes": nodes, "transitions": ways}
    return {"id": key, "name": name, "version": "1.0.0", "metadata": {"status": status}, "definition": definition}


FLOWS = [
    flow(MAIN, "Main", "published", ("a", "b"), ("b", "c")),
    flow(DRAFT, "Draft", "draft", ("x", "y")),
    flow(LOOP, "Loop", "deployed", ("p", "q"), ("q", "p")),
    flow("flow-old", "Old", "archived", ("m", "n")),
]


def step(number: int, status: str = "success", kind: str = "prompt", **variables: object) -> dict[str, Any]:
    told = {"id": f"s{number}", "type": kind, "status": status, "nextStepId": f"s{number + 1}"}
    return told | {"variables": {f"Flow.{name}": value for name, value in variables.items()}}


STEPS = [
    step(0, Count=1, Name="Ada"),
    step(1, "timeout", Count=1, Name="Ada"),
    step(2, "validation_error", Count=1, Name="Ada"),
    step(3, "service_unavailable", Count=1, Name="Ada"),
    step(4, "error", "decision", Count=1, Name="Ada"),
    step(5, Count=2, Name="Ada"),
    step(6, Count="2", Name="Ada"),
    step(7, Count="2", Extra=True),
]


def node(name: str, parent: str | None, seconds: int | None, status: str = "success", **told: str) -> dict[str, Any]:
    """A step of an action trace that began at ten and took so long; None is a record without times."""
    began = datetime(2026, 8, 10, 10, tzinfo=UTC)
    times = {"startTime": began, "endTime": began + timedelta(seconds=seconds)} if seconds is not None else {}
    moments = {name: moment.isoformat() for name, moment in times.items()}
    return {"nodeId": name, "parentId": parent, "status": status, **moments, **told}


RESULT = [
    node("root", None, 4),
    node("fast", "root", 1),
    node("slow", "root", 9, "error", errorMessage="it broke"),
    node("mute", "nowhere", None),
]
DOCUMENTED_HOOK = {
    "flowId",
    "actionInvocationId",
    "status",
    "bottleneckNode",
    "bottleneckLatencyMs",
    "retrievalLatencyMs",
    "traceAccuracyRate",
    "timestamp",
}


@pytest.fixture(params=[ours, pytest.param(literal, marks=_LITERAL)], ids=["ours", "literal"])
def server(request: pytest.FixtureRequest) -> Iterator[DiagnosisServer]:
    with request.param() as made:
        made.set(
            flows=FLOWS,
            versions={MAIN: [{"id": VERSION, "version": "1.0.0", "status": "published"}]},
            traces={TRACE: {"row": {"id": TRACE}, "fvid": VERSION, "steps": STEPS}},
            job_final={"status": "completed", "result": RESULT},
        )
        yield made


@pytest.fixture
def desk(server: DiagnosisServer, tmp_path: Path) -> Desk:
    made = Desk(tmp_path, server.url, server.client)
    made.environment |= {"PENSTOCK_GATE_HOSTS": "127.0.0.1", "PENSTOCK_WEBHOOK_SECRET": "a-secret-of-more-than-16"}
    return made


def printed(desk: Desk, *words: str, code: int = 0) -> dict[str, Any]:
    """The JSON document that a command prints."""
    done = desk.run(*words, "--format", "json")
    assert done.returncode == code, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def names(calls: list[Seen]) -> list[str]:
    return [call.name for call in calls]


# --- D: the graph ---------------------------------------------------------------------------------------------------


def test_one_token_serves_a_command(server: DiagnosisServer, desk: Desk) -> None:
    """D1: a form, HTTP Basic, and the token of the answer for all calls."""
    printed(desk, "graph", "--from", "live")
    (login,) = tokens(server)
    assert login.name == "POST /oauth/token"
    assert login.headers["content-type"].startswith("application/x-www-form-urlencoded")
    assert parse_qs(login.body)["grant_type"] == ["client_credentials"]
    scheme, _, word = login.headers["authorization"].partition(" ")
    assert (scheme, base64.b64decode(word).decode()) == ("Basic", ":".join(server.client))
    assert {call.headers["authorization"].partition(" ")[0] for call in asked(server)} == {"Bearer"}


def test_a_401_costs_one_token_and_one_more_call(server: DiagnosisServer, desk: Desk) -> None:
    """D1"""
    server.refuse("GET", "/api/v2/flows$", 401)
    assert len(printed(desk, "graph", "--from", "live")["nodes"]) == len(FLOWS)
    assert (len(tokens(server)), names(asked(server))) == (2, ["GET /api/v2/flows"] * 2)


def test_the_listing_is_read_to_its_short_page(server: DiagnosisServer, desk: Desk) -> None:
    """D2: definitions, and pages of 500 to 1000."""
    server.set(flows=[flow(f"flow-{number}", f"Flow {number}", "published", ("a", "b")) for number in range(1001)])
    assert len(printed(desk, "graph", "--from", "live")["nodes"]) == 1001
    calls = asked(server)
    sizes = {int(call.query["pageSize"]) for call in calls}
    assert len(sizes) == 1
    assert 500 <= min(sizes) <= 1000
    assert {call.query["expand"] for call in calls} == {"definition"}
    assert [int(call.query["pageNumber"]) for call in calls] == list(range(1, 1001 // min(sizes) + 2))


def test_the_nodes_of_all_flows_are_one_graph(server: DiagnosisServer, desk: Desk) -> None:
    """D3, D4: keys with the flow's id, transition ids and conditions, drafts and archived flows."""
    broken = flow("flow-broken", "Broken", "published", ("a", "b"))
    broken["definition"]["transitions"].append({"id": "t9", "from": "a", "to": "gone", "condition": "Flow.Vip"})
    server.set(flows=[*FLOWS, broken])
    server.allow("flow:view")
    graph = printed(desk, "graph", "--all-nodes", "--from", "live")
    keys = {node["key"] for node in graph["nodes"]}
    assert keys >= {f"{MAIN}:a", f"{MAIN}:b", f"{MAIN}:c", f"{DRAFT}:x", f"{LOOP}:p", "flow-old:m", "flow-broken:b"}
    first = next(edge for edge in graph["edges"] if edge["consumer"] == f"{MAIN}:a")
    assert (first["consumed"], first["transition_id"], first["condition"]) == (f"{MAIN}:b", "t1", "unconditional")
    assert any("gone" in warning for warning in graph["warnings"]), "an unknown node is reported"
    assert set(names(asked(server))) == {"GET /api/v2/flows"}


def test_a_cycle_is_shown_and_ends_with_1(server: DiagnosisServer, desk: Desk) -> None:
    """D5: as one concrete cycle, `a -> b -> a`."""
    done = desk.run("graph", "--all-nodes", "--from", "live", "--cycles")
    assert done.returncode == 1
    assert re.search(rf"{LOOP}:p -> {LOOP}:q -> {LOOP}:p", done.stdout)
    server.set(flows=FLOWS[:1])
    assert desk.run("graph", "--all-nodes", "--from", "live", "--cycles").returncode == 0


def test_the_order_has_what_comes_first_first(server: DiagnosisServer, desk: Desk) -> None:
    """D6: the same in every run."""
    runs = [desk.run("graph", "--nodes", MAIN, "--from", "live", "--order").stdout for _ in range(2)]
    assert runs[0] == runs[1]
    assert re.findall(rf"{MAIN}:(\w)", runs[0]) == ["a", "b", "c"]


def test_every_listed_flow_is_judged(server: DiagnosisServer, desk: Desk) -> None:
    """D7: drafts and archived flows fail, and nothing that was judged is no pass."""
    graph = printed(desk, "graph", "--compat", "--from", "live", code=1)
    judged = {each["flow"].rpartition("/")[2]: each["compatible"] for each in graph["compatibility"]}
    assert judged == {"Main": True, "Draft": False, "Loop": True, "Old": False}
    server.set(flows=[])
    assert desk.run("graph", "--compat", "--from", "live").returncode == 1


def test_all_that_a_node_leads_to_is_its_impact(server: DiagnosisServer, desk: Desk) -> None:
    """D8"""
    graph = printed(desk, "graph", "--all-nodes", "--from", "live", "--impact", f"{MAIN}:a")
    assert [each["key"] for each in graph["impact"]] == [f"{MAIN}:b", f"{MAIN}:c"]


# --- T: traces ------------------------------------------------------------------------------------------------------


def test_a_query_names_the_id_of_the_version(server: DiagnosisServer, desk: Desk) -> None:
    """T1: the version's id from the list of versions; and T3, the trace's steps."""
    words = ("--flow", "Main", "--version", "1.0.0", "--last", "2h", "--snapshot", "0-2")
    found = printed(desk, "trace", "executions", *words)
    assert [trace["metadata"]["id"] for trace in found["traces"]] == [TRACE]
    (query,) = [call for call in asked(server) if call.name == "POST /api/v2/flows/debug/traces/query"]
    sent = query.json
    assert sent["flow_version_id"] == VERSION
    assert sent["session_token"]
    assert 1 <= sent["page_size"] <= 100
    assert sent["variable_snapshot_ranges"] == [{"start_step_index": 0, "end_step_index": 2}]
    start, end = (datetime.fromisoformat(sent[f"{edge}_date_time"]) for edge in ("start", "end"))
    assert end - start == timedelta(hours=2)


@pytest.mark.parametrize(
    ("last", "tier", "refused"),
    [("31d", "standard", True), ("60d", "enterprise", False), ("91d", "enterprise", True)],
)
def test_what_is_not_kept_any_more_is_refused_before_a_call(
    server: DiagnosisServer, desk: Desk, last: str, tier: str, refused: bool
) -> None:
    """T2: 30 days, and 90 on the enterprise tier."""
    done = desk.run("trace", "executions", "--flow", "Main", "--last", last, "--retention-tier", tier)
    assert (done.returncode, bool(asked(server))) == ((1, False) if refused else (0, True)), done.stderr
    assert ("days" in done.stderr) == refused


def test_steps_come_page_by_page_in_their_order(server: DiagnosisServer, desk: Desk) -> None:
    """T3: by cursor, 100 a page."""
    steps = [step(number, Count=1) for number in range(250)]
    server.set(traces={TRACE: {"row": {"id": TRACE}, "fvid": VERSION, "steps": steps}})
    trace = printed(desk, "trace", "executions", "--execution", TRACE)
    assert [each["id"] for each in trace["execution"]["steps"]] == [each["id"] for each in steps]
    pages = [call.query for call in asked(server) if call.path == f"/api/v2/flows/debug/traces/{TRACE}/steps"]
    assert [page["pageSize"] for page in pages] == ["100"] * 3
    assert [page.get("nextPageToken") for page in pages] == [None, "100", "200"]


def test_anomalies_have_their_step_and_their_values(server: DiagnosisServer, desk: Desk) -> None:
    """T4"""
    trace = printed(desk, "trace", "executions", "--execution", TRACE)
    found = {(each["kind"], each["step_index"]) for each in trace["anomalies"]}
    wanted = {("timeout", 1), ("validation_error", 2), ("service_unavailable", 3), ("error", 4), ("failed_decision", 4)}
    drift = {("value_change", 5), ("type_change", 6), ("injection", 7), ("scope_exit", 7)}
    assert found == wanted | drift
    by_kind = {each["kind"]: each for each in trace["anomalies"]}
    changed, gone = by_kind["value_change"], by_kind["scope_exit"]
    assert (changed["variable"], changed["old"]["value"], changed["new"]["value"]) == ("Flow.Count", 1, 2)
    assert (gone["variable"], gone["old"]["value"]) == ("Flow.Name", "Ada")
    assert {kind: count for kind, count in trace["summary"]["anomalies"].items() if count} == dict.fromkeys(by_kind, 1)


def test_an_artifact_says_who_read_it_with_which_scopes(server: DiagnosisServer, desk: Desk) -> None:
    """T5: the operator as given, and the scopes that were used: `flow:debug:read` suffices for a trace by its id."""
    server.allow("flow:debug:read")
    audit = printed(desk, "trace", "executions", "--execution", TRACE, "--operator", "Ada Byron")["audit"]
    assert (audit["operator"], audit["scopes"]) == ("Ada Byron", ["flow:debug:read"])
    assert (audit["steps_total"], audit["query_latency_ms"] >= 0) == (len(STEPS), True)
    assert audit["step_resolution_accuracy"] == audit["steps_resolved"] / audit["steps_total"]


def test_values_of_secret_variables_are_masked(server: DiagnosisServer, desk: Desk) -> None:
    """T6: by the patterns that always hold, and by those that are given."""
    steps = [step(0, ApiToken="tok-4711-abc", Phone="+353 1 555 0100", Count=1)]
    server.set(traces={TRACE: {"row": {"id": TRACE}, "fvid": VERSION, "steps": steps}})
    done = desk.run("trace", "executions", "--execution", TRACE, "--mask", "*phone*", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert ("tok-4711-abc" in done.stdout, "+353 1 555 0100" in done.stdout) == (False, False)


def test_a_trace_that_is_not_there_says_why_it_may_be(server: DiagnosisServer, desk: Desk) -> None:
    """T: 404 when unknown, archived or expired."""
    done = desk.run("trace", "executions", "--execution", "trace-9")
    assert done.returncode == 1
    assert "trace-9" in done.stderr


# --- J: action traces -----------------------------------------------------------------------------------------------

ACTION = ("trace", "action", MAIN, "--invocation", "inv-1")


@pytest.mark.parametrize("location", ["relative", "absolute", "other"])
def test_an_action_is_traced_by_a_job(server: DiagnosisServer, desk: Desk, location: str) -> None:
    """J1: the documented body, and two scopes; the flow is given by its id. The host of `Location` is not asked."""
    server.allow("flow:debug", "job:read")
    server.set(location=location)
    told = printed(desk, *ACTION, "--depth", "3", "--no-capture-data", "--input", "amount=5", code=0)
    debug, *looks = asked(server)
    assert debug.name == f"POST /api/v2/flows/{MAIN}/debug"
    assert debug.json == {
        "flowId": MAIN,
        "actionInvocationId": "inv-1",
        "traceDepth": 3,
        "contextDirectives": {"captureContext": True, "captureData": False},
        "simulatedInputs": {"amount": 5},
        "enableAsync": True,
    }
    assert names(looks) == [f"GET /api/v2/jobs/{told['job_id']}"]


def test_an_id_is_taken_as_it_is_where_the_client_may_not_list_flows(server: DiagnosisServer, desk: Desk) -> None:
    """J1: with the documented scopes alone; an id may be any text."""
    server.allow("flow:debug", "job:read")
    told = printed(desk, "trace", "action", LOOP, "--invocation", "inv-1")
    assert told["flow_id"] == LOOP
    assert names(asked(server))[:2] == ["GET /api/v2/flows", f"POST /api/v2/flows/{LOOP}/debug"]


@pytest.mark.parametrize("wrong", [("--depth", "0"), ("--depth", "51"), ("--no-capture-data", "--no-capture-context")])
def test_what_cannot_be_traced_is_refused_before_a_call(
    server: DiagnosisServer, desk: Desk, wrong: tuple[str, ...]
) -> None:
    """J2"""
    done = desk.run(*ACTION, *wrong)
    assert (done.returncode, server.seen()) == (1, []), done.stderr
    assert "50" in done.stderr or "capture" in done.stderr


def test_a_job_is_polled_through_an_outage_until_it_ends(server: DiagnosisServer, desk: Desk) -> None:
    """J3, J7: a `Retry-After` is honoured, and five answers of 503 end nothing."""
    running = {"body": {"status": "in_progress"}}
    outage = {"http": 503, "body": {"message": "down"}}
    server.set(job_script=[running, {**running, "headers": {"Retry-After": "20"}}, *[outage] * 5, running])
    began = desk.clock.monotonic()
    told = printed(desk, *ACTION)
    assert desk.clock.monotonic() - began >= 20
    assert told["status"] == "completed"
    assert len([call for call in asked(server) if call.path.startswith("/api/v2/jobs/")]) == 9


@pytest.mark.parametrize("status", ["failed", "cancelled", "error"])
def test_a_job_that_fails_says_why_and_is_named(server: DiagnosisServer, desk: Desk, status: str) -> None:
    """J3, J6: nothing was parsed, so nothing of it was accurate."""
    server.set(job_final={"status": status, "message": "the invocation is unknown"})
    done = desk.run(*ACTION, "--format", "json", "--webhook", f"{server.url}/hook")
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert (told["status"], told["message"]) == (status, "the invocation is unknown")
    assert told["job_id"].startswith("job-")
    (hook,) = server.hooks()
    assert (hook["status"], hook["traceAccuracyRate"]) == (status, 0)


def test_nodes_without_times_and_parents_are_reported(server: DiagnosisServer, desk: Desk) -> None:
    """J4, J5: no time counts as none, failed nodes are listed, and the slowest branch is the critical path."""
    told = printed(desk, *ACTION)
    nodes = {node["key"]: node for node in told["nodes"]}
    assert (nodes["slow"]["error"], nodes["mute"]["latency_ms"] or 0) == ("it broke", 0)
    assert told["failed"] == ["slow"]
    assert told["bottleneck"] == {"node": "slow", "latency_ms": 9000}
    assert [each["node"] for each in told["critical_path"]["nodes"]] == ["root", "slow"]
    assert told["critical_path"]["length_ms"] == 9000
    problems = " ".join([*told["problems"], *nodes["mute"]["problems"]])
    assert ("nowhere" in problems, "time" in problems or "start" in problems) == (True, True), problems


def test_a_webhook_has_the_documented_fields_at_the_top(server: DiagnosisServer, desk: Desk) -> None:
    """J6: latencies are whole milliseconds, and accuracy is what was parsed of the depth that was asked for."""
    done = desk.run(*ACTION, "--depth", "8", "--webhook", f"{server.url}/hook")
    assert done.returncode == 0, done.stderr
    (hook,) = server.hooks()
    assert set(hook) == DOCUMENTED_HOOK
    assert [type(hook[name]) for name in ("bottleneckLatencyMs", "retrievalLatencyMs")] == [int, int]
    assert (hook["flowId"], hook["actionInvocationId"], hook["status"]) == (MAIN, "inv-1", "completed")
    assert (hook["bottleneckNode"], hook["bottleneckLatencyMs"]) == ("slow", 9000)
    assert hook["traceAccuracyRate"] == pytest.approx(4 / 8)
    assert datetime.fromisoformat(hook["timestamp"])
