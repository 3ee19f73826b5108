"""`penstock trace executions` tells which callers ran an older module than the one that is live."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tests.support.inside import InsideShell
from tests.support.shell import simulator_thread
from tests.support.sources import module

EXECUTIONS = (
    "architect:flowInstance:search",
    "architect:flowInstance:view",
    "architect:flowinstanceexecutiondata:view",
)
"""What a client needs to read executions, and nothing else."""
TOLD = "Front ran Hours 1.0, but 2.0 is live: republish Front"


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[InsideShell]:
    """Front calls Hours, and somebody published Hours by hand since: Front keeps the version that it is bound to."""
    with simulator_thread() as url:
        made = InsideShell(tmp_path, url)
        assert made.run("apply").returncode == 0
        run_executions(made)
        hours = next(flow["id"] for flow in ask(made, "flows")["flows"] if flow["name"] == "Hours")
        tell(made, f"flows/{hours}/publish", by="Ada Lovelace", text=module("Hours", says="By hand"))
        run_executions(made)
        yield made


def ask(shell: InsideShell, path: str) -> dict:
    return httpx.get(f"{shell.url}/_simulator/{path}").raise_for_status().json()


def tell(shell: InsideShell, path: str, **body: object) -> None:
    httpx.post(f"{shell.url}/_simulator/{path}", json=body).raise_for_status()


def run_executions(shell: InsideShell) -> None:
    """Three more executions, a second after all that was before."""
    tell(shell, "clock", advance_s=1)
    tell(shell, "executions", flow="inboundcall/Front", count=3)


def soon() -> str:
    """The organisation's clock is a little ahead."""
    return (datetime.now(UTC) + timedelta(seconds=30)).isoformat()


def test_a_caller_that_runs_an_old_module_is_named_with_how_often_it_did(shell: InsideShell) -> None:
    done = shell.run_as_process("trace", "executions", "--flow", "front", "--until", soon(), "--anomalies-only")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("! stale_module: Front ran Hours 1.0 at step ") == 3
    assert f"stale caller: {TOLD} (3 executions)\nwithout an anomaly and left out: 3\n" in done.stdout


def test_programs_are_told_in_each_trace_and_of_all_together(shell: InsideShell) -> None:
    document = shell.json("trace", "executions", "--flow", "front", "--until", soon())

    assert document["stale_callers"] == [
        {"caller": "Front", "module": "Hours", "version": "1.0", "live_version": "2.0", "executions": 3}
    ]
    found = [[each["kind"] for each in trace["anomalies"]] for trace in document["traces"]]
    assert sorted(found) == [[], [], [], ["stale_module"], ["stale_module"], ["stale_module"]]
    assert [trace["summary"]["anomalies"]["stale_module"] for trace in document["traces"]].count(1) == 3


def test_pages_tell_it_as_well(shell: InsideShell, tmp_path: Path) -> None:
    pages = tmp_path / "pages"

    shell.run("trace", "executions", "--flow", "front", "--until", soon(), "--format", "html", "--out", str(pages))

    assert f"stale caller: {TOLD} (3 executions)" in (pages / "index.html").read_text()
    assert sum("stale_module 1" in page.read_text() for page in pages.glob("*.html")) == 3


def test_a_caller_that_was_published_again_since_is_not_blamed_for_what_it_was(shell: InsideShell) -> None:
    assert shell.run("apply").returncode == 0

    document = shell.json("trace", "executions", "--flow", "front", "--until", soon())

    assert len(document["traces"]) == 6
    assert document["stale_callers"] == []


def test_where_nobody_may_list_flows_executions_are_shown_all_the_same(shell: InsideShell) -> None:
    found = shell.json("trace", "executions", "--flow", "front", "--until", soon(), "--limit", "0")
    tell(shell, "clients", id="penstock", secret="penstock-secret", permissions=list(EXECUTIONS))

    done = shell.run_as_process("trace", "executions", "--execution", found["executions"][0]["id"])

    assert done.returncode == 0
    assert done.stdout.startswith("Front 1.0 (inboundcall), execution ")
    assert "trace.stale-callers-unknown" in done.stderr
    assert "architect:flow:view" in done.stderr
