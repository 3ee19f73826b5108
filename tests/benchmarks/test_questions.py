"""Each question can be asked at a tiny size, and measures what it says."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import yaml

from benchmarks import (
    deliveries,
    graphs,
    harness,
    histories,
    looks,
    replicas,
    revisions,
    services,
    sources,
    starts,
    traces,
)
from benchmarks.environment import own_environment
from benchmarks.measure import Answer
from benchmarks.repositories import real_sources
from benchmarks.throttle import cpu_clock_s, throttled
from controller.flows.flow_file import parse
from tests.support.postgres import needed_server


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    with own_environment():
        yield


def names(answer: Answer) -> list[str]:
    return [row.name for row in answer.rows]


@pytest.mark.proof
def test_sources_are_validated_and_planned() -> None:
    answer = sources.ask(validated=4, planned=3, warm_plans=1)

    assert len(answer.rows) == 5
    assert all(value > 0 for row in answer.rows for value in (*row.values, *row.peer_values))


@pytest.mark.proof
def test_commands_are_started_beside_an_interpreter() -> None:
    answer = starts.ask(times=1, before=0)

    assert names(answer) == ["--help", "validate of 1 flow", "plan of 10 flows"]
    assert all(row.ratio is not None and row.ratio > 1 for row in answer.rows)


def test_a_look_is_counted_with_its_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "_QUIET_S", 0.01)
    log, calls = tmp_path / "log", iter((0, 1, 1))
    log.touch()

    def counted() -> int:
        """A look ends between the moment in which calls are counted and the one in which looks are."""
        made = next(calls)
        if not made:
            log.write_text("pass.done\n", encoding="utf-8")
        return made

    words = [sys.executable, "-c", "input(0)"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.read(1)
        service = services.Service(process, 0, log)
        spent, peak_mib = service.spent(counted), service.peak_mib()
        process.communicate(b"\n")

    assert (spent.looks, spent.calls) == (1, 1)
    assert 5 < peak_mib < 100, "an interpreter that waits"


@pytest.mark.proof
@pytest.mark.timeout(600)
def test_replicas_share_a_delivery() -> None:
    with needed_server() as server:
        run = replicas.measured(2, replicas.Setting(flows=2, limit=3000, share=0.5), server.url)

    assert run.makespan_s > 0
    assert run.cpu_s / 2 <= run.busiest_s < run.cpu_s
    assert run.calls_per_minute > 0


def test_more_replicas_are_held_against_one() -> None:
    runs = {number: replicas.Run(80 / number, 600, 20 / number, 20) for number in (1, 2, 4)}
    found = {row.name: row for row in replicas.rows(runs, runs, {"budgets bind": 1200, "replicas bind": 12000})}

    assert [found[f"replicas bind, {number} replicas"].ratio for number in (2, 4)] == [0.5, 0.25]
    assert all(row.reached is not False for row in found.values())
    assert found["budgets bind, 1 replica, budgets used"].median == 50


def test_a_process_gets_no_more_than_its_share() -> None:
    busy = "while True: pass"
    with subprocess.Popen([sys.executable, "-I", "-c", busy]) as process:
        try:
            with throttled([process.pid], 0.2):
                time.sleep(0.3)
                before_s, began_s = cpu_clock_s(process.pid), time.monotonic()
                time.sleep(1)
                spent_s, passed_s = cpu_clock_s(process.pid) - before_s, time.monotonic() - began_s
        finally:
            process.kill()

    assert 0 < spent_s < 0.35 * passed_s


@pytest.mark.proof
def test_a_trace_is_printed_beside_a_peer() -> None:
    answer = traces.ask({20: 1})

    assert all(row.peer for row in answer.rows if row.unit.startswith("s"))


@pytest.mark.proof
def test_questions_with_counts_are_asked_side_by_side_before_the_others() -> None:
    questions = {
        "histories": harness.Question("A history", histories, lambda: histories.ask(sizes=(5,))),
        "looks": harness.Question("Looks", looks, looks.ask, begin=partial(looks.begin, sizes=(3,))),
        "deliveries": harness.Question(
            "Deliveries", deliveries, deliveries.ask, begin=partial(deliveries.begin, flows=4, seeds=(1,), peers=())
        ),
    }

    found = harness.run(list(questions), questions=questions)

    assert [answer.question for answer in found] == ["histories", "looks", "deliveries"]
    alone, *together = [str(answer.conditions["measured in"]) for answer in found]
    assert "at once" not in alone
    assert all(took.endswith("at once with 1 more") for took in together)
    assert names(found[1])[0] == "service, no change: 3 flows, architect"


@pytest.mark.proof
def test_a_document_of_a_graph_is_written_beside_networkx() -> None:
    written = {row.name: row for row in graphs.ask(nodes=600, edges=1600, rounds=1).rows}["JSON written to a file"]

    assert all(value > 0 for value in (*written.values, *written.peer_values))


def test_questions_to_a_graph_are_asked_beside_networkx() -> None:
    given = graphs.parts(30, 80)
    graph = graphs.own_graph(given)

    assert (len(graph.nodes), len(graph.edges)) == (30, 80)
    assert set(given.pairs) == {(edge.consumer, edge.consumed) for edge in graph.edges}
    assert sorted(graphs.peer_graph(given).edges) == sorted(given.pairs)


def test_a_history_is_asked_for_what_each_pass_reads() -> None:
    assert names(histories.ask(sizes=(5,))) == [
        "journal.latest after 5 syncs",
        "journal.unfinished after 5 syncs",
        "journal.delivered after 5 syncs",
    ]


def test_a_new_revision_writes_objects_only() -> None:
    answer = revisions.ask(files=60, size=50, flows=3)

    taken = {row.name: row.median for row in answer.rows}
    assert taken["written"] > 0
    assert taken["fetch and read"] > 0


def test_real_sources_have_names_of_their_own() -> None:
    made, words = real_sources(70)

    assert len({parse(text).key.name for text in made.values()}) == 70
    assert all(yaml.safe_load(text) for text in list(made.values())[:3])
    assert "repeated" in words
