"""`penstock trace executions` and `penstock trace file`: why executions went wrong, on both dialects."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tests.support.inside import InsideShell
from tests.support.shell import simulator_thread
from tests.support.versioned import pin_to_the_versioned_dialect

FLOW = "inboundcall/Front"


@pytest.fixture(scope="module", params=["architect", "versioned"])
def shell(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InsideShell]:
    """Eight executions that have just ended, a quarter of them failed."""
    with simulator_thread() as url:
        made = InsideShell(tmp_path_factory.mktemp(request.param), url)
        assert made.run("apply").returncode == 0
        if request.param == "versioned":
            pin_to_the_versioned_dialect(made)
        demand = {"flow": FLOW, "count": 8, "error_rate": 0.25, "reason": "DATA_ACTION_ERROR"}
        httpx.post(f"{url}/_simulator/executions", json=demand).raise_for_status()
        yield made


@pytest.fixture(scope="module")
def dialect(shell: InsideShell) -> str:
    return "versioned" if "versioned" in (shell.folder / "organization.yaml").read_text() else "architect"


def test_executions_are_counted_and_the_failed_ones_read_first(shell: InsideShell) -> None:
    document = shell.json("trace", "executions", "--flow", "front", "--limit", "3")

    assert document["schema"] == "penstock.executions/v1"
    rate = document["error_rate"]
    assert (rate["failed"], rate["total"], rate["rate"]) == (2, 8, 0.25)
    assert rate["reasons"] == [{"reason": "DATA_ACTION_ERROR", "count": 2}]
    assert len(document["executions"]) == 8
    assert [bool(trace["summary"]["failed"]) for trace in document["traces"]] == [True, True, False]
    assert {trace["schema"] for trace in document["traces"]} == {"penstock.trace/v1"}
    assert document["unread"] == []


def test_the_artifact_tells_who_looked_with_what_right_and_how_long_it_took(shell: InsideShell, dialect: str) -> None:
    document = shell.json("trace", "executions", "--flow", "front", "--limit", "1")

    audit = document["traces"][0]["audit"]
    assert audit["operator"] not in ("", "unknown")
    assert ("flow:debug:read" if dialect == "versioned" else "architect:flowInstance:view") in audit["scopes"]
    assert audit["query_latency_ms"] > 0
    assert audit["step_resolution_accuracy"] == 1.0


def test_a_process_shows_the_timeline_of_what_failed(shell: InsideShell) -> None:
    done = shell.run_as_process("trace", "executions", "--flow", FLOW, "--last", "15m", "--anomalies-only")

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "8 executions from" in done.stdout
    assert "2 of 8 that ended failed (25 %): DATA_ACTION_ERROR x2" in done.stdout
    assert done.stdout.count("! error: ") >= 2
    assert "without an anomaly and left out: 6" in done.stdout


def test_one_execution_is_read_by_its_id_alone(shell: InsideShell, tmp_path: Path) -> None:
    found = shell.json("trace", "executions", "--flow", "front", "--limit", "0")
    wanted = found["executions"][0]["id"]

    document = shell.json("trace", "executions", "--execution", wanted, "--snapshot", "0-1")
    page = tmp_path / "page.html"
    shown = shell.run("trace", "executions", "--execution", wanted, "--format", "html", "--out", str(page))

    assert document["schema"] == "penstock.trace/v1"
    assert document["metadata"]["id"] == wanted
    assert ["variables" in step for step in document["execution"]["steps"][:3]] == [True, True, False][
        : len(document["execution"]["steps"])
    ]
    assert (shown.returncode, shown.stdout) == (0, "")
    assert wanted in page.read_text(encoding="utf-8")


def test_a_flow_is_found_in_one_call_where_what_was_said_names_just_one(shell: InsideShell, dialect: str) -> None:
    """By metadata.name, type/name or id; a bare name may be that of several flows, which only a listing tells."""
    if dialect == "versioned":
        pytest.skip("there is no call for one flow by its name")
    flows = httpx.get(f"{shell.url}/_simulator/flows").json()["flows"]
    flow_id = next(flow["id"] for flow in flows if flow["name"] == "Front")
    for said in ("front", FLOW, flow_id):
        httpx.delete(f"{shell.url}/_simulator/calls").raise_for_status()
        assert shell.run("trace", "executions", "--flow", said, "--limit", "0").returncode == 0
        calls = httpx.get(f"{shell.url}/_simulator/calls").json()["calls"]
        made = {each["route"]: each["count"] for each in calls if "/flows" in each["route"]}
        one = "/api/v2/flows/{flowId}" if said == flow_id else "/api/v2/flows"
        assert made == {one: 1, "/api/v2/flows/instances/query": 1}
    assert "several" not in shell.run("trace", "executions", "--flow", "Front", "--limit", "0").stderr
    assert "there is no flow" in shell.run("trace", "executions", "--flow", f"{FLOW}s", "--limit", "0").stderr


def test_a_conversation_has_its_executions_however_long_ago_it_was(shell: InsideShell, dialect: str) -> None:
    found = shell.json("trace", "executions", "--flow", "front", "--limit", "1")
    conversation = found["traces"][0]["metadata"]["conversation_id"]

    document = shell.json("trace", "executions", "--conversation", conversation)

    assert [each["id"] for each in document["executions"]] == [found["traces"][0]["metadata"]["id"]]
    kept = datetime.fromisoformat(document["until"]) - datetime.fromisoformat(document["since"])
    assert kept == timedelta(days=30 if dialect == "versioned" else 10)


def test_a_version_narrows_the_search(shell: InsideShell, dialect: str) -> None:
    assert len(shell.json("trace", "executions", "--flow", "front", "--version", "1.0")["executions"]) == 8

    other = shell.run("trace", "executions", "--flow", "front", "--version", "9.0", "--limit", "0")

    if dialect == "versioned":  # asked for by its version, which the organisation does not know
        assert "[no-such-version]" in other.stderr
    else:
        assert other.stdout.startswith("0 executions")


def test_pages_of_several_executions_go_into_a_folder(shell: InsideShell, tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    arguments = ("trace", "executions", "--flow", "front", "--limit", "2", "--format", "html")

    assert "--out FOLDER" in shell.run(*arguments).stderr
    assert shell.run(*arguments, "--out", str(folder)).returncode == 0

    pages = sorted(path.name for path in folder.iterdir())
    index = (folder / "index.html").read_text(encoding="utf-8")
    assert len(pages) == 3
    assert all(f'href="{name}"' in index for name in pages if name != "index.html")


def test_what_cannot_be_answered_is_refused_before_any_call(shell: InsideShell, dialect: str) -> None:
    httpx.delete(f"{shell.url}/_simulator/calls").raise_for_status()
    kept = 30 if dialect == "versioned" else 10
    refused = {
        ("--last", f"{kept + 1}d", "--flow", "front"): f"kept {kept} days",
        (): "give a flow, a session or a conversation",
        ("--flow", "front", "--since", "2026-08-10T14:50:00"): "has no time zone",
        ("--flow", "front", "--last", "soon"): "no span of time",
        ("--version", "1.0", "--conversation", "c"): "give the flow too",
        ("--flow", "front", "--snapshot", "9-x"): "no range of steps",
    }
    for arguments, why in refused.items():
        done = shell.run("trace", "executions", *arguments)
        assert done.returncode == 1
        assert why in done.stderr
    assert httpx.get(f"{shell.url}/_simulator/calls").json()["total"] == 0


def test_a_range_of_all_that_is_kept_can_be_asked_for(shell: InsideShell, dialect: str) -> None:
    days = "30d" if dialect == "versioned" else "10d"
    assert shell.run("trace", "executions", "--flow", "front", "--last", days, "--limit", "0").returncode == 0
    tier = ("--last", "90d", "--retention-tier", "enterprise", "--limit", "0")
    assert shell.run("trace", "executions", "--flow", "front", *tier).returncode == (dialect == "architect")


def test_an_execution_that_is_gone_is_an_error_and_leaves_no_file(shell: InsideShell, tmp_path: Path) -> None:
    out = tmp_path / "trace.json"

    done = shell.run("trace", "executions", "--execution", "gone", "--format", "json", "--out", str(out))

    assert done.returncode == 1
    assert json.loads(done.stdout)["code"] == "not-found"
    assert list(tmp_path.iterdir()) == []


def test_sessions_are_known_to_one_dialect_only(shell: InsideShell, dialect: str) -> None:
    done = shell.run("trace", "executions", "--flow", "front", "--session", "some", "--limit", "0")

    assert done.returncode == (dialect == "architect")
    if dialect == "architect":
        assert "--conversation" in done.stderr


# Files that were downloaded before.


def _execution_file(path: Path, steps: int, **variable: object) -> Path:
    start = datetime(2026, 1, 5, 12, tzinfo=UTC)

    def at(step: int) -> str:
        return (start + timedelta(milliseconds=step)).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    one = {"variableId": "v1", "variableName": "Flow.Count", **variable}
    events: list[object] = [{"startedFlow": {"dateTime": at(0), "executionId": "s", "variables": []}}]
    for step in range(steps):
        written = [{"value": f"value {step}", **one}]
        events.append(
            {
                "actionUpdateData": {
                    "dateTime": at(step + 1),
                    "actionId": "a",
                    "actionName": "Count <b>",
                    "executionId": f"e{step}",
                    "outputVariables": written,
                }
            }
        )
    events.append({"endedFlow": {"dateTime": at(steps + 1), "flowExitReason": "COMPLETED", "outputVariables": []}})
    header = {"executionId": "x1", "flowId": "f1", "flowName": "Long", "flowType": "inboundcall", "flowVersion": "1.0"}
    path.write_text(json.dumps({"flow": {**header, "startDateTime": at(0), "execution": events}}))
    return path


def _peak_kib(*arguments: str) -> int:
    """The most memory that a command of its own held."""
    process = subprocess.Popen([sys.executable, "-W", "error", "-m", "controller", *arguments])
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return used.ru_maxrss


def test_a_long_file_needs_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    short = _execution_file(tmp_path / "short.json", 10)
    long = _execution_file(tmp_path / "long.json", 6_000)
    out = tmp_path / "trace.json"

    needed = _peak_kib("trace", "file", str(short), "--format", "json", "--out", str(out))
    peak = _peak_kib("trace", "file", str(long), "--format", "json", "--out", str(out))

    assert len(json.loads(out.read_text())["execution"]["steps"]) == 6_002
    assert peak - needed < 6_000


def test_a_file_is_shown_and_masked_without_a_call(shell: InsideShell, tmp_path: Path) -> None:
    file = _execution_file(tmp_path / "x.json", 2, variableName="Flow.CustomerPhone", value="+49 30 1234567")

    plain = shell.run("trace", "file", str(file))
    masked = shell.run("trace", "file", str(file), "--mask", "*phone*")

    assert "+49 30 1234567" in plain.stdout
    assert "+49 30" not in masked.stdout
    assert 'Flow.CustomerPhone = "***"' in masked.stdout
    page = shell.run("trace", "file", str(file), "--format", "html").stdout
    assert "Count &lt;b&gt;" in page
    assert "Count <b>" not in page


def test_a_file_that_is_none_says_where_it_breaks(shell: InsideShell, tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text('{"flow": {"execution": [{"startedFlow": ')

    done = shell.run("trace", "file", str(broken))

    assert done.returncode == 1
    assert "[trace-unreadable]" in done.stderr
    assert "cannot read" in shell.run("trace", "file", str(tmp_path / "none.json")).stderr
