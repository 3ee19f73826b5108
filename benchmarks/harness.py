"""Runs the questions, keeps their answers as JSON, and compares counts of small cases with a baseline."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

from pydantic import TypeAdapter

from benchmarks import deliveries, graphs, histories, looks, revisions, services, sources, starts, traces
from benchmarks.environment import own_environment
from benchmarks.measure import Answer
from benchmarks.pace import pace
from benchmarks.virtual import quiet

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
    timed: bool = False
    """Whether it has targets in processor time, which are for a machine of another pace."""


QUESTIONS: Mapping[str, Question] = {
    "looks": Question("Calls of a look", looks, looks.ask, lambda: looks.ask(sizes=(30,))),
    "deliveries": Question(
        "First delivery", deliveries, deliveries.ask, lambda: deliveries.ask(flows=30, seeds=(1,), peers=())
    ),
    "sources": Question("Reading sources", sources, sources.ask, timed=True),
    "starts": Question("Short commands", starts, starts.ask, timed=True),
    "graphs": Question("Questions to a graph", graphs, graphs.ask),
    "traces": Question("Traces as text", traces, traces.ask, timed=True),
    "revisions": Question("A big repository", revisions, revisions.ask, timed=True),
    "histories": Question("A long history", histories, histories.ask, timed=True),
    "services": Question(
        "An idle service", services, services.ask, lambda: services.ask(2, flows=5, looks=4), timed=True
    ),
}
"""In the order of the page."""
_ANSWER = TypeAdapter(Answer)


def run(names: Sequence[str], *, small: bool = False) -> list[Answer]:
    """Ask one question after another, in an environment of their own. Small: those that have a small size."""
    answers = []
    with quiet(), own_environment():
        for name in names:
            ask = QUESTIONS[name].ask_small if small else QUESTIONS[name].ask
            if ask is None:
                continue
            began, busy = time.monotonic(), f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}"
            answers.append(_paced(ask, busy) if QUESTIONS[name].timed and not small else _on(ask(), busy))
            print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    return answers


def _on(answer: Answer, machine: str) -> Answer:
    return replace(answer, conditions={**answer.conditions, "machine": machine})


def _paced(ask: Callable[[], Answer], machine: str) -> Answer:
    """An answer whose targets in processor time are for this machine's pace: the quicker one of before and after."""
    before, answer, after = pace(), ask(), pace()
    found = min(before, after)
    rows = tuple(replace(row, pace=found) if row.timed else row for row in answer.rows)
    said = f"takes {found:.2f} x the processor time of the one on which the targets were set"
    return _on(replace(answer, rows=rows), f"{machine}; {said} ({before:.2f} before, {after:.2f} after)")


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
