"""Runs the questions, keeps their answers as JSON, and compares counts of small cases with a baseline."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

from pydantic import TypeAdapter

from benchmarks import deliveries, graphs, histories, looks, replicas, revisions, services, sources, starts, traces
from benchmarks.environment import own_environment
from benchmarks.measure import Answer
from benchmarks.pace import pace
from benchmarks.virtual import processes, quiet

HERE = Path(__file__).parent
RESULTS = HERE / "results"
BASELINE = HERE / "baseline.json"


@dataclass(frozen=True, slots=True)
class Question:
    """One section of the page; the docstring of its module says what is asked."""

    title: str
    module: ModuleType
    ask: Callable[[], Answer]
    """At its full size."""
    ask_small: Callable[[], Answer] | None = None
    """At a size that takes seconds, where its numbers are the same on every machine."""
    begin: Callable[[Executor], Callable[[], Answer]] | None = None
    """Where nothing depends on what runs beside it: begin to ask; what is returned waits for the answer."""
    timed: bool = False
    """Whether it has targets in processor time, which are for a machine of another pace."""


QUESTIONS: Mapping[str, Question] = {
    "looks": Question("Calls of a look", looks, looks.ask, lambda: looks.ask(sizes=(30,)), looks.begin),
    "deliveries": Question(
        "First delivery",
        deliveries,
        deliveries.ask,
        lambda: deliveries.ask(flows=30, seeds=(1,), peers=()),
        deliveries.begin,
    ),
    "sources": Question("Reading sources", sources, sources.ask, timed=True),
    "starts": Question("Short commands", starts, starts.ask, timed=True),
    "graphs": Question("Questions to a graph", graphs, graphs.ask),
    "traces": Question("Traces as text", traces, traces.ask, timed=True),
    "revisions": Question("A big repository", revisions, revisions.ask, timed=True),
    "histories": Question("A long history", histories, histories.ask, timed=True),
    "services": Question(
        "An idle service",
        services,
        services.ask,
        lambda: services.ask(2, flows=5, looks=4, full_looks=False),
        timed=True,
    ),
    "replicas": Question("More replicas", replicas, replicas.ask),
}
"""In the order of the page."""
_ANSWER = TypeAdapter(Answer)


def run(names: Sequence[str], *, small: bool = False, questions: Mapping[str, Question] = QUESTIONS) -> list[Answer]:
    """Ask in an environment of their own. Small: those that have a small size.

    Those with counts and simulated time alone are asked side by side, before all others. These follow one by one, first
    those that need the machine's pace: it is read between each two of them.
    """
    with quiet(), own_environment():
        if small:
            return [_told(name, ask) for name in names if (ask := questions[name].ask_small) is not None]
        answers = _side_by_side({name: questions[name] for name in names})
        known: float | None = None
        for name in sorted(names, key=lambda name: not questions[name].timed):
            if name in answers:
                continue
            if questions[name].timed:
                answers[name], known = _paced(name, questions[name].ask, pace() if known is None else known)
            else:
                answers[name] = _told(name, questions[name].ask)
    return [answers[name] for name in names]


def _side_by_side(questions: Mapping[str, Question]) -> dict[str, Answer]:
    """The answers of those that can be asked so."""
    with processes() as pool:
        begun = {name: one.begin(pool) for name, one in questions.items() if one.begin is not None}
        beside = f", at once with {len(begun) - 1} more" if len(begun) > 1 else ""
        return {name: _told(name, finish, beside) for name, finish in begun.items()}


def _told(name: str, ask: Callable[[], Answer], beside: str = "") -> Answer:
    """The answer with how long it took, and how busy the machine was."""
    began, busy = time.monotonic(), f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}"
    answer = ask()
    took = f"{time.monotonic() - began:.0f} s{beside}"
    print(f"{name}: {took}", file=sys.stderr)
    return replace(answer, conditions={**answer.conditions, "machine": busy, "measured in": took})


def _paced(name: str, ask: Callable[[], Answer], before: float) -> tuple[Answer, float]:
    """An answer whose targets in processor time are for this machine's pace, and the pace after it.

    The quicker one of before and after counts.
    """
    answer, after = _told(name, ask), pace()
    found = min(before, after)
    rows = tuple(replace(row, pace=found) if row.timed else row for row in answer.rows)
    said = f"takes {found:.2f} x the processor time of the one on which the targets were set"
    machine = f"{answer.conditions['machine']}; {said} ({before:.2f} before, {after:.2f} after)"
    return replace(answer, rows=rows, conditions={**answer.conditions, "machine": machine}), after


def keep(answer: Answer, folder: Path = RESULTS) -> None:
    """Write an answer for the page to be made of."""
    folder.mkdir(exist_ok=True)
    (folder / f"{answer.question}.json").write_bytes(_ANSWER.dump_json(answer, indent=2) + b"\n")


def kept(name: str, folder: Path = RESULTS) -> Answer:
    """An answer that was kept. Raises FileNotFoundError where there is none."""
    return _ANSWER.validate_json((folder / f"{name}.json").read_bytes())


def counts(answers: Sequence[Answer]) -> dict[str, float]:
    """The medians of what is counted, by question and name."""
    return {f"{answer.question}: {row.name}": row.median for answer in answers for row in answer.rows if row.counted}


def empty(answers: Sequence[Answer]) -> list[str]:
    """A sentence for each row that says that nothing was used: then nothing was measured."""
    rows = ((answer.question, row) for answer in answers for row in answer.rows)
    return [
        f"{question}: {row.name}: {row.median:g} {row.unit} were measured" for question, row in rows if row.median <= 0
    ]


def worse(found: Mapping[str, float], baseline: Mapping[str, float]) -> list[str]:
    """A sentence for each count that has grown, is new, or is no longer taken."""
    named = sorted({*found, *baseline})
    return [problem for name in named if (problem := _problem(name, found.get(name), baseline.get(name)))]


def _problem(name: str, found: float | None, kept_before: float | None) -> str:
    if kept_before is None:
        return f"{name}: not in the baseline"
    if found is None:
        return f"{name}: in the baseline, but no longer counted"
    return f"{name}: {found:g}, and {kept_before:g} in the baseline" if found > kept_before else ""


def read_baseline() -> dict[str, float]:
    baseline: dict[str, float] = json.loads(BASELINE.read_text(encoding="utf-8"))
    return baseline


def write_baseline(found: Mapping[str, float]) -> None:
    BASELINE.write_text(json.dumps(dict(sorted(found.items())), indent=2) + "\n", encoding="utf-8")
