"""Action traces: nothing of an answer is dropped, what does not fit is reported, and every export can be used."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from controller.diagnosis.action.analysis import ActionAnalysis, analyse_action
from controller.diagnosis.action.document import action_report
from controller.diagnosis.action.exports import action_dot, webhook_payload
from controller.diagnosis.action.graph import build_graph
from controller.diagnosis.action.model import ActionTraceResult
from controller.diagnosis.action.waterfall import waterfall
from controller.diagnosis.nested import strict_json
from tests.diagnosis.browser import dump, needs_browser
from tests.diagnosis.traces import at

HOSTILE = 'a "quoted" \\name\\\nwith | <b>&amp;</b> 🚀 \x00 \u202e trailing '


def step(
    name: str | None, parent: object = None, start: float | None = 0, end: float | None = 1, **more: object
) -> dict:
    times = {"startTime": None if start is None else at(start), "endTime": None if end is None else at(end)}
    return {"nodeId": name, "parentId": parent, **times, "status": "completed", **more}


FORK = [
    step("root", None, 0, 1),
    step("fast", "root", 1, 3),
    step("slow", "root", 1, 8, status="failed", errorMessage="boom"),
    step("after", "slow", 8, 9),
]


def analysed(steps: list[dict], **more: object) -> ActionAnalysis:
    fields = {"flow_id": "f", "action_invocation_id": "inv", "job_id": "j", "status": "completed"}
    finished = datetime(2026, 8, 10, 15, tzinfo=UTC)
    options = {"patterns": more.pop("patterns", ())}
    return analyse_action(
        ActionTraceResult(**fields, steps=steps, retrieval_latency_ms=420.0, finished_at=finished, **more), **options
    )


def test_the_graph_has_latencies_failures_and_the_bottleneck() -> None:
    graph = build_graph(FORK)
    assert [(node.key, node.latency_ms) for node in graph.nodes] == [
        ("root", 1000), ("fast", 2000), ("slow", 7000), ("after", 1000),
    ]  # fmt: skip
    assert [node.key for node in graph.failed] == ["slow"]
    assert graph.bottleneck.key == "slow"
    assert (graph.problems, graph.accuracy) == ((), 1.0)


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (step("n", start=None), "n has no readable startTime: counted as no time"),
        (step("n", end=None), "n has no readable endTime: counted as no time"),
        (step("n", start=None, end=None), "n has no readable startTime and no readable endTime: counted as no time"),
        (step("n") | {"startTime": "noon"}, "n has no readable startTime: counted as no time"),
        (step("n", start=2, end=1), "n ends before it starts: counted as no time"),
        (step("n", "ghost"), "n names the parent 'ghost', which is not in the trace"),
        (step("n", "n"), "n is its own ancestor: it is shown as a root"),
        (step(None), "(step 0) has no node id"),
        (step("n", status="odd"), "n has the unknown status 'odd'"),
        (step("n", status=None), "n has no status"),
    ],
)
def test_what_does_not_fit_is_kept_and_reported(raw: dict, problem: str) -> None:
    graph = build_graph([raw])
    assert problem in graph.problems
    (node,) = graph.nodes
    assert node.parents == ()
    assert node.latency_ms == (0 if "time" in problem or "before" in problem else 1000)


def test_steps_that_are_no_objects_are_counted_as_not_parsed() -> None:
    graph = build_graph([step("a"), "text", None], expected=5)
    assert (graph.parsed, graph.expected, graph.accuracy) == (1, 5, 0.2)
    assert "step 1 is no object" in graph.problems
    assert len(graph.nodes) == 3


def test_a_node_that_ran_again_is_a_node_of_its_own() -> None:
    graph = build_graph([step("loop"), step("body", "loop"), step("loop", "body"), step("body", "loop")])
    assert [(node.key, node.parents) for node in graph.nodes] == [
        ("loop", ()), ("body", ("loop",)), ("loop#2", ("body",)), ("body#2", ("loop#2",)),
    ]  # fmt: skip


def test_parents_may_come_after_their_children() -> None:
    graph = build_graph([step("child", "parent"), step("parent")])
    assert [node.key for node in graph.nodes] == ["parent", "child"]
    assert graph.problems == ()


def test_a_join_has_several_parents() -> None:
    graph = build_graph([step("a"), step("b"), step("join", ["a", "b", "a"])])
    assert graph.nodes[2].parents == ("a", "b")


def test_a_cycle_is_cut_once_and_reported() -> None:
    graph = build_graph([step("a", "c"), step("b", "a"), step("c", "b"), step("d", "c")])
    assert [(node.key, node.parents) for node in graph.nodes] == [
        ("a", ()),
        ("b", ("a",)),
        ("c", ("b",)),
        ("d", ("c",)),
    ]
    assert graph.problems == ("a is its own ancestor: it is shown as a root",)


def test_a_trace_without_any_time_has_no_bottleneck() -> None:
    assert build_graph([step("a", start=None)]).bottleneck is None
    assert build_graph([]).bottleneck is None


def test_the_artifact_is_plain_json() -> None:
    made = json.loads(strict_json(action_report(analysed(FORK))))
    assert made["schema"] == "penstock.action-trace/v1"
    assert made["bottleneck"] == {"node": "slow", "latency_ms": 7000}
    assert made["critical_path"] == {
        "nodes": [
            {"node": "root", "own_ms": 1000}, {"node": "slow", "own_ms": 7000}, {"node": "after", "own_ms": 1000},
        ],
        "length_ms": 9000, "span_ms": 9000, "wait_ms": 0,
    }  # fmt: skip
    assert made["failed"] == ["slow"]
    assert [node["detail"] for node in made["nodes"]] == FORK


def test_the_webhook_tells_what_an_observability_receiver_needs() -> None:
    payload = webhook_payload(analysed(FORK, expected_steps=8))
    assert payload == {
        "flowId": "f",
        "actionInvocationId": "inv",
        "status": "completed",
        "bottleneckNode": "slow",
        "bottleneckLatencyMs": 7000,
        "retrievalLatencyMs": 420.0,
        "traceAccuracyRate": 0.5,
        "timestamp": "2026-08-10T15:00:00+00:00",
    }


def test_the_webhook_of_an_empty_trace_has_no_bottleneck() -> None:
    payload = webhook_payload(analysed([], expected_steps=3))
    assert (payload["bottleneckNode"], payload["bottleneckLatencyMs"], payload["traceAccuracyRate"]) == (None, 0.0, 0.0)


def test_captured_secrets_reach_no_export() -> None:
    secret = "hunter2-4711"
    steps = [
        step("a", context={"password": secret, "note": f"used {secret}"}, errorMessage=f"bad {secret}", status="failed")
    ]
    analysis = analysed(steps, message=f"because of {secret}")
    rendered = strict_json(action_report(analysis)) + action_dot(analysis.graph) + waterfall(analysis) + repr(analysis)
    assert secret not in rendered
    assert "custom" not in strict_json(action_report(analysed([step("a", mine="custom")], patterns=["mine"])))


@pytest.mark.skipif(not shutil.which("dot"), reason="Graphviz is not here")
@pytest.mark.parametrize("name", [HOSTILE, "", " ", '"', "\\", "<b>", "a\r\nb", "node", "&lt;", "x" * 500])
def test_graphviz_accepts_any_name(name: str) -> None:
    analysis = analysed([step(name, errorMessage=name, status="failed"), step("child", name)])
    done = subprocess.run(
        ["dot", "-Tsvg"], input=action_dot(analysis.graph, analysis.path), capture_output=True, text=True, check=True
    )
    assert not done.stderr
    assert done.stdout.count('class="node"') == 2


@pytest.mark.skipif(not shutil.which("dot"), reason="Graphviz is not here")
def test_graphviz_shows_entities_and_backslashes_as_they_are() -> None:
    source = action_dot(build_graph([step("&lt;b&gt; \\n \\N")]))
    done = subprocess.run(["dot", "-Tsvg"], input=source, capture_output=True, text=True, check=True)
    assert "&amp;lt;b&amp;gt; \\n \\N" in done.stdout


def test_the_waterfall_adds_no_element_for_a_hostile_name() -> None:
    tags = re.compile(r"<(\w+)")
    hostile = waterfall(analysed([step(HOSTILE, errorMessage=HOSTILE)], message=HOSTILE))
    harmless = waterfall(analysed([step("x", errorMessage="x")], message="x"))
    assert tags.findall(hostile) == tags.findall(harmless)
    assert "http://" not in hostile.replace("http://www.w3.org", "")


def test_the_waterfall_puts_children_below_their_parents_by_time() -> None:
    text = waterfall(analysed([step("late", "root", 5, 6), step("root", None, 0, 9), step("early", "root", 1, 2)]))
    assert re.findall(r'class="name">(\w+)<', text) == ["root", "early", "late"]


def test_of_a_large_trace_a_part_is_shown() -> None:
    text = waterfall(analysed([step(f"n{place}") for place in range(30)]), limit=10)
    assert "Shown are 10 of 30 nodes." in text


def test_a_chain_deeper_than_any_stack_is_analysed() -> None:
    steps = [
        step(f"n{place}", f"n{place - 1}" if place else None, place / 1000, (place + 1) / 1000) for place in range(5000)
    ]
    analysis = analysed(steps)
    assert len(analysis.path.nodes) == 5000
    assert analysis.path.length_ms == pytest.approx(5000)
    waterfall(analysis)
    action_dot(analysis.graph, analysis.path)


@needs_browser
def test_in_a_browser_the_waterfall_runs_under_its_policy(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(waterfall(analysed(FORK)), encoding="utf-8")
    document, console = dump(tmp_path / "page.html", tmp_path / "profile")
    assert 'data-ready="yes"' in document
    assert not console
