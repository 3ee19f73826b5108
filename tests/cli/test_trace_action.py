"""`penstock trace action`: what one action led to, what took longest, and who is told."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Self

import httpx
import pytest

from tests.support.inside import InsideShell
from tests.support.shell import simulator_thread
from tests.support.signatures import verify
from tests.support.versioned import pin_to_the_versioned_dialect

SECRET = "a-secret-of-more-than-16"


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InsideShell]:
    with simulator_thread() as url:
        made = InsideShell(tmp_path_factory.mktemp("action"), url)
        assert made.run("apply").returncode == 0
        pin_to_the_versioned_dialect(made)
        made.environment |= {"PENSTOCK_GATE_HOSTS": "127.0.0.1", "PENSTOCK_WEBHOOK_SECRET": SECRET}
        yield made


class _Receiver:
    """Takes webhooks."""

    def __init__(self) -> None:
        self.taken: list[tuple[dict[str, str], bytes]] = []
        taken = self.taken

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                taken.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/hook"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def test_a_process_shows_bottleneck_and_critical_path(shell: InsideShell) -> None:
    done = shell.run_as_process("trace", "action", "front", "--invocation", "i1", "--depth", "50")

    assert done.returncode == 0, done.stderr
    assert ": completed after " in done.stdout
    assert "bottleneck: " in done.stdout
    assert "critical path: " in done.stdout


def test_a_trace_that_was_given_up_is_waited_for_again_and_not_started_twice(shell: InsideShell) -> None:
    asked = ("trace", "action", "front", "--invocation", "i1")
    httpx.patch(f"{shell.url}/_simulator/settings", json={"debug_s": 100}).raise_for_status()
    try:
        given_up = shell.run(*asked, "--timeout", "0.01s")
    finally:
        httpx.patch(f"{shell.url}/_simulator/settings", json={"debug_s": 2}).raise_for_status()
    [job] = re.findall(r"--job (\S+)", given_up.stderr)
    started = calls(shell, "POST", "/api/v2/flows/{flowId}/debug")

    document = shell.json(*asked, "--job", job)

    assert given_up.returncode == 1
    assert (document["job_id"], document["status"]) == (job, "completed")
    assert calls(shell, "POST", "/api/v2/flows/{flowId}/debug") == started


def calls(shell: InsideShell, method: str, route: str) -> int:
    made = httpx.get(f"{shell.url}/_simulator/calls").raise_for_status().json()["calls"]
    return sum(each["count"] for each in made if (each["method"], each["route"]) == (method, route))


def test_json_and_dot_tell_the_same_trace(shell: InsideShell) -> None:
    document = shell.json("trace", "action", "front", "--invocation", "i1", "--input", "count=3", "--input", "who=Ada")
    dot = shell.run("trace", "action", "front", "--invocation", "i1", "--format", "dot").stdout

    assert document["schema"] == "penstock.action-trace/v1"
    assert document["status"] == "completed"
    assert document["steps_parsed"] == len(document["nodes"])
    assert document["steps_expected"] == 10, "the depth that is asked for by default"
    assert dot.count("[label=") == len(document["nodes"])
    graphviz = shutil.which("dot")
    if graphviz:
        subprocess.run([graphviz, "-Tsvg"], input=dot.encode(), capture_output=True, timeout=120, check=True)


def test_the_waterfall_is_a_page_of_its_own(shell: InsideShell, tmp_path: Path) -> None:
    out = tmp_path / "waterfall.html"

    assert (
        shell.run("trace", "action", "front", "--invocation", "i1", "--format", "html", "--out", str(out)).returncode
        == 0
    )

    page = out.read_text(encoding="utf-8")
    assert "i1" in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_a_failed_job_shows_its_message_and_ends_with_1(shell: InsideShell) -> None:
    fault = {"name": "broken", "kind": "job-fails", "message": "The tracer is out of order"}
    httpx.post(f"{shell.url}/_simulator/faults", json=fault).raise_for_status()
    try:
        done = shell.run("trace", "action", "front", "--invocation", "i1")
    finally:
        httpx.delete(f"{shell.url}/_simulator/faults").raise_for_status()

    assert done.returncode == 1
    assert "failed after" in done.stdout
    assert "The tracer is out of order" in done.stdout


def test_a_webhook_is_signed_and_tells_the_bottleneck(shell: InsideShell) -> None:
    with _Receiver() as receiver:
        document = shell.json("trace", "action", "front", "--invocation", "i1", "--webhook", receiver.url)

    ((headers, body),) = receiver.taken
    payload = json.loads(body)
    stamp = headers["X-Penstock-Timestamp"]
    assert verify(SECRET, (headers["X-Penstock-Signature-256"], stamp), body, now=int(stamp))
    assert headers["X-Penstock-Event"] == "action_trace"
    assert set(payload) == {
        "flowId",
        "actionInvocationId",
        "status",
        "bottleneckNode",
        "bottleneckLatencyMs",
        "retrievalLatencyMs",
        "traceAccuracyRate",
        "timestamp",
    }
    assert (payload["actionInvocationId"], payload["status"]) == ("i1", "completed")
    assert payload["bottleneckLatencyMs"] == round(document["bottleneck"]["latency_ms"])


def test_a_receiver_that_will_not_do_is_refused_before_anything_is_traced(shell: InsideShell) -> None:
    httpx.delete(f"{shell.url}/_simulator/calls").raise_for_status()

    elsewhere = shell.run("trace", "action", "front", "--invocation", "i1", "--webhook", "https://evil.example.com/x")
    no_url = shell.run("trace", "action", "front", "--invocation", "i1", "--webhook", "ftp://127.0.0.1/x")
    secret = shell.environment["PENSTOCK_WEBHOOK_SECRET"]
    shell.environment["PENSTOCK_WEBHOOK_SECRET"] = "too short"
    weak = shell.run("trace", "action", "front", "--invocation", "i1", "--webhook", "http://127.0.0.1:1/x")
    shell.environment["PENSTOCK_WEBHOOK_SECRET"] = secret

    assert (elsewhere.returncode, no_url.returncode, weak.returncode) == (3, 1, 1)
    assert "PENSTOCK_GATE_HOSTS" in elsewhere.stderr
    assert "shorter than 16 characters" in weak.stderr
    assert SECRET not in elsewhere.stderr + no_url.stderr + weak.stderr
    assert httpx.get(f"{shell.url}/_simulator/calls").json()["total"] == 0


def test_a_request_that_would_be_refused_makes_no_call(shell: InsideShell) -> None:
    httpx.delete(f"{shell.url}/_simulator/calls").raise_for_status()
    refused = {
        ("--depth", "51"): "not between 1 and 50",
        ("--no-capture-context", "--no-capture-data"): "nothing would be captured",
        ("--input", "novalue"): "name=value",
    }

    for arguments, why in refused.items():
        done = shell.run("trace", "action", "front", "--invocation", "i1", *arguments)
        assert done.returncode == 1
        assert why in done.stderr

    assert httpx.get(f"{shell.url}/_simulator/calls").json()["total"] == 0


def test_the_architect_dialect_names_the_other_way(tmp_path: Path) -> None:
    with simulator_thread() as url:
        architect = InsideShell(tmp_path, url)

        done = architect.run("trace", "action", "front", "--invocation", "i1")

    assert done.returncode == 1
    assert "penstock trace executions" in done.stderr
    assert "[capability-missing]" in done.stderr


def test_every_trace_that_is_shown_is_in_the_audit_log(shell: InsideShell, tmp_path: Path) -> None:
    """Executions and actions, failures included, with who read, with which scopes, and what was found."""
    simulated = httpx.get(f"{shell.url}/_simulator/flows").raise_for_status().json()["flows"]
    flow_id = next(flow["id"] for flow in simulated if flow["name"] == "Front")
    traffic = {"flow": flow_id, "count": 1, "error_rate": 1.0}
    httpx.post(f"{shell.url}/_simulator/executions", json=traffic).raise_for_status()
    shell.environment["PENSTOCK_AUDIT_DIR"] = str(tmp_path)
    try:
        action = shell.run("trace", "action", flow_id, "--invocation", "i1", "--operator", "ada")
        read = shell.run("trace", "executions", "--flow", "front", "--version", "1.0", "--limit", "1")
        refused = shell.run("trace", "executions", "--flow", "front", "--last", "40d", "--operator", "ada")
    finally:
        del shell.environment["PENSTOCK_AUDIT_DIR"]

    assert (action.returncode, read.returncode, refused.returncode) == (0, 0, 1)
    entries = [json.loads(line) for file in tmp_path.iterdir() for line in file.read_text().splitlines()]
    traced, shown, failed = entries
    assert (traced["action"], traced["status"], traced["actor"]) == ("trace_audit", "success", "ada")
    assert traced["details"]["flow_id"] == flow_id
    assert traced["details"]["action_id"] == "i1"
    assert traced["details"]["scopes"] == ["flow:debug", "job:read"], "a flow named by its id needs no listing"
    assert {"retrieval_latency_ms", "accuracy_rate", "timestamp"} <= set(traced["details"])
    assert (shown["action"], shown["version"]) == ("flow_trace_debug", "1.0")
    assert shown["details"]["anomalies"]
    assert shown["details"]["scopes"] == ["flow:debug:read", "flow:view", "routing:flow:read"]
    assert (failed["status"], failed["details"]["code"]) == ("failure", "trace-request-invalid")
    assert (traced["flow_id"], failed["success"], bool(failed["error"])) == (flow_id, False, True)
