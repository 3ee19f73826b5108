"""The JSON of graphs, executions and traces stays the same byte for byte: tests/cli/json holds it.

Values that differ from run to run are replaced by words. A change that adds a field is written by
`WRITE_KEPT_JSON=1 make test`, and reviewed as a difference of these files.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from controller.cli.commands.trace.options import TraceFormat
from controller.cli.commands.trace.style import TraceStyle
from controller.cli.commands.trace.views import Ending, ExecutionsFound, JsonView
from controller.diagnosis.error_rate import measure_error_rate
from controller.diagnosis.modules import StaleCaller
from controller.domain.platform import ExecutionSummary, Standing
from controller.questions.executions import FetchedTrace
from tests.diagnosis.example import EXECUTION
from tests.support.documents import follows_its_schema
from tests.support.inside import InsideShell
from tests.support.shell import simulator_thread
from tests.support.sources import inbound, module
from tests.support.versioned import pin_to_the_versioned_dialect

KEPT = Path(__file__).parent / "json"
EXAMPLES = Path(__file__).parents[2] / "examples"
HOSTILE = 'Late | <b>"x"</b> \\ 😀 '
_ID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_TIME = re.compile(r"\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(\+00:00|Z)")
_DURATION = re.compile(r'(?<=_ms": )\d+(\.\d+)?(?:e-\d+)?')
_OF_THIS_RUN = (
    (re.compile(r'(?<="operator": ")[^"]*'), "<operator>"),
    (re.compile(r'(?<="exported_at": ")[^"]*'), "<time>"),
)


def steady(text: str, *, simulated: bool) -> str:
    """The text without what differs from run to run; ids are numbered in order of their first place."""
    for pattern, word in _OF_THIS_RUN:
        text = pattern.sub(word, text)
    if not simulated:
        return text
    numbers: dict[str, str] = {}
    text = _ID.sub(lambda each: numbers.setdefault(each[0], f"<id {len(numbers) + 1}>"), text)
    text = _TIME.sub(lambda each: f"<time {each[1]}>", text)
    return _DURATION.sub(lambda each: "<fraction>" if each[1] else "<integer>", text)


def same_as_kept(name: str, text: str, *, simulated: bool = True) -> None:
    """Hold against the schema and the kept bytes, or write them where the environment asks for that."""
    follows_its_schema(json.loads(text))
    path, made = KEPT / name, steady(text, simulated=simulated)
    if os.environ.get("WRITE_KEPT_JSON"):
        path.write_text(made, encoding="utf-8")
    assert made == path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InsideShell]:
    """Applied once; since then a flow is changed, one is new, and one exists in the organisation alone."""
    with simulator_thread() as url:
        made = InsideShell(tmp_path_factory.mktemp("bytes"), url)
        made.flow("late", inbound(HOSTILE, calls=["Hours"], transfers=["Front"]))
        made.commit()
        assert made.run("apply").returncode == 0
        made.flow("front", inbound("Front"))
        made.flow("new", inbound("New", calls=["Hours"], transfers=["Nowhere"]))
        httpx.post(f"{url}/_simulator/flows", json={"text": module("Stray", calls=["Hours"])}).raise_for_status()
        yield made


GRAPHS = {
    "repository": (),
    "resources": ("--resources",),
    "live": ("--from", "live"),
    "both": ("--from", "both"),
    "questions": ("--impact", "hours", "--cycles", "--orphans", "--missing", "--order"),
    "compatible": ("--compat", "--target-version", "1.0"),
    "index": ("--verify-index",),
    "nodes": ("--nodes", "new"),
    "live-nodes": ("--nodes", "front", "--from", "live"),
    "all-nodes": ("--all-nodes",),
}


@pytest.mark.parametrize("name", sorted(GRAPHS))
def test_graphs(shell: InsideShell, name: str) -> None:
    same_as_kept(f"graph-{name}.json", shell.run("graph", *GRAPHS[name], "--format", "json").stdout)


@pytest.mark.parametrize("example", ["gates", "two-organizations"])
def test_graphs_of_the_examples(shell: InsideShell, tmp_path: Path, example: str) -> None:
    shutil.copytree(EXAMPLES, tmp_path / "examples")
    folder = str(tmp_path / "examples" / example)
    only = ("--organization", "production") if example == "two-organizations" else ()
    done = shell.run("graph", folder, *only, "--format", "json")

    assert done.stdout, done.stderr
    same_as_kept(f"graph-example-{example}.json", done.stdout)


@pytest.mark.parametrize("snapshot", [(), ("--snapshot", "2-4")], ids=["plain", "snapshot"])
def test_traces_of_files(shell: InsideShell, tmp_path: Path, snapshot: tuple[str, ...]) -> None:
    file = tmp_path / "execution.json"
    file.write_text(json.dumps(EXECUTION), encoding="utf-8")
    done = shell.run("trace", "file", str(file), *snapshot, "--format", "json")

    same_as_kept(f"trace-file{'-snapshot' if snapshot else ''}.json", done.stdout, simulated=False)


@pytest.fixture(scope="module", params=["architect", "versioned"])
def traced(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InsideShell]:
    """An execution that has just ended, in each dialect."""
    with simulator_thread() as url:
        made = InsideShell(tmp_path_factory.mktemp(request.param), url)
        assert made.run("apply").returncode == 0
        if request.param == "versioned":
            pin_to_the_versioned_dialect(made)
        demand = {"flow": "inboundcall/Front", "count": 1, "error_rate": 0.0}
        httpx.post(f"{url}/_simulator/executions", json=demand).raise_for_status()
        made.environment["dialect"] = request.param
        yield made


@pytest.mark.parametrize("form", ["found", "listed", "one"])
def test_executions(traced: InsideShell, form: str) -> None:
    asked = ["trace", "executions", "--flow", "front", "--operator", "Ada"]
    if form == "one":
        found = traced.json(*asked, "--limit", "0")
        asked = [
            "trace",
            "executions",
            "--operator",
            "Ada",
            "--execution",
            found["executions"][0]["id"],
            "--snapshot",
            "0-1",
        ]
    done = traced.run(*asked, *(("--limit", "0") if form == "listed" else ()), "--format", "json")

    same_as_kept(f"executions-{traced.environment['dialect']}-{form}.json", done.stdout)


def test_action_traces(traced: InsideShell) -> None:
    if traced.environment["dialect"] == "versioned":
        done = traced.run("trace", "action", "front", "--invocation", "i1", "--format", "json")
        same_as_kept("action-trace.json", done.stdout)


def test_executions_that_could_not_be_read_or_had_a_stale_caller() -> None:
    since, until = datetime(2026, 8, 10, tzinfo=UTC), datetime(2026, 8, 11, 12, 30, 0, 5, tzinfo=UTC)
    executions = [
        ExecutionSummary("e1", "f1", "1.0", since, until, True, HOSTILE),
        ExecutionSummary("e2", "f1", "1.0", since, None, False),
        ExecutionSummary("e3", "f1", "1.0", None, None, False, stated=Standing.UNKNOWN),
    ]
    rate = measure_error_rate(executions, since=since, until=until)
    text: list[str] = []
    view = JsonView(TraceStyle(TraceFormat.JSON), text.append)
    view.begin(ExecutionsFound("acme", since, until, executions, rate, ("e1",)))
    stale = [(StaleCaller("Front", HOSTILE, "1.0", "2.0"), 3)]
    view.end(Ending([FetchedTrace("e1", None, reason="the record is gone")], 2, stale))

    same_as_kept("executions-ending.json", "".join(text), simulated=False)
