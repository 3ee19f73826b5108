"""The page `docs/benchmarks.md` and its charts, from the answers that were kept."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks import charts
from benchmarks.harness import QUESTIONS, RESULTS, kept
from benchmarks.measure import Answer, Row

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
PICTURES = PAGE.parent / "images" / "benchmarks"
_HEAD = """# Benchmarks

`make bench` measures this page and writes it.
`make bench-smoke` counts small cases and fails where a count is worse than in `benchmarks/baseline.json`.
Simulated time and counted calls are the same on every machine.
Processor time depends on the machine; where there is a peer, it was measured in the same run.
Less is better in every row, and a ratio is that of Penstock's values to the peer's.
Targets in seconds were set on a machine where libyaml reads 1,000 flow files of 11.2 MB in 1.67 s of user time.
libyaml reads such files here, too, before and after each question.
A target "here" is multiplied by how much longer that takes, at least.

"""


def write_page(results: Path = RESULTS, page: Path = PAGE, pictures: Path = PICTURES) -> None:
    """Write the page and the pictures of all questions that have an answer."""
    answers = [kept(name, results) for name in QUESTIONS if (results / f"{name}.json").exists()]
    pictures.mkdir(parents=True, exist_ok=True)
    sections = [_section(answer, _pictures(answer, pictures, page)) for answer in answers]
    page.write_text(_HEAD + _unanswered(answers) + _misses(answers) + "\n".join(sections), encoding="utf-8")


def _unanswered(answers: Sequence[Answer]) -> str:
    found = {answer.question for answer in answers}
    titles = [question.title for name, question in QUESTIONS.items() if name not in found]
    return f"Not measured yet: {', '.join(titles)}.\n\n" if titles else ""


def _misses(answers: Sequence[Answer]) -> str:
    missed = [(answer, row) for answer in answers for row in answer.rows if row.reached is False]
    wanted = sum(row.target is not None for answer in answers for row in answer.rows)
    if not wanted:
        return ""
    if not missed:
        return f"All {wanted} targets are reached.\n\n"
    lines = [f"- {title_of(answer.question)}, {row.name}: {_judged(row)}" for answer, row in missed]
    return f"## Targets that are missed\n{len(missed)} of {wanted}:\n\n" + "\n".join(lines) + "\n\n"


def _judged(row: Row) -> str:
    return f"{_measured(row)}, target {_target(row)}" + (f". {row.note}" if row.note else "")


def _section(answer: Answer, pictures: Sequence[str]) -> str:
    lines = [f"## {title_of(answer.question)}", _text_of(answer.question), ""]
    lines += [f"![{name}]({name})" for name in pictures]
    lines += ["", *_table(answer.rows), "", "Conditions: " + _said(answer.conditions) + "."]
    lines += [f"- Left out: {what}: {why}." for what, why in answer.skipped.items()]
    return "\n".join([*lines, ""])


def _table(rows: Sequence[Row]) -> list[str]:
    head = ["| | measured | least to most | peer | ratio | bound | target | |", "|---|--:|--:|--:|--:|--:|--:|---|"]
    return head + [_line(row) for row in rows]


def _line(row: Row) -> str:
    spread = "" if len(set(row.values)) == 1 else f"{_number(min(row.values))} to {_number(max(row.values))}"
    peer = f"{_number(sorted(row.peer_values)[len(row.peer_values) // 2])} ({row.peer})" if row.peer_values else ""
    ratio = f"{row.ratio:.2f}" if row.ratio is not None else ""
    bound = _number(row.bound) if row.bound is not None else ""
    verdict = {True: "reached", False: "**missed**", None: ""}[row.reached]
    cells = [row.name, f"{_number(row.median)} {row.unit}", spread, peer, ratio, bound, _target(row), verdict]
    return "| " + " | ".join(cells) + " |"


def _measured(row: Row) -> str:
    if row.relative and row.ratio is not None:
        return f"{row.ratio:.2f} x {row.peer}"
    return f"{_number(row.median)} {row.unit}"


def _target(row: Row) -> str:
    if row.target is None:
        return ""
    if row.relative:
        return f"{row.target:.2f} x"
    here = f" ({_number(row.target * row.pace)} here)" if row.timed else ""
    return f"{_number(row.target)} {row.unit}{here}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.2f}".rstrip("0").rstrip(".")


def _said(conditions: Mapping[str, object]) -> str:
    return "; ".join(f"{name}: {_listed(value)}" for name, value in conditions.items())


def _listed(value: object) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(_listed, value))
    return f"{value:,}" if isinstance(value, int) else str(value)


def title_of(question: str) -> str:
    """The heading of a question's section."""
    return QUESTIONS[question].title


def _text_of(question: str) -> str:
    """The docstring of its module, a sentence to a line."""
    text = " ".join((inspect.getdoc(QUESTIONS[question].module) or "").split())
    return re.sub(r"([.?:]) (?=[A-Z`])", r"\1\n", text)


def _pictures(answer: Answer, folder: Path, page: Path) -> list[str]:
    """Draw a question's charts; their paths as the page names them."""
    drawn = []
    for number, (title, unit, values) in enumerate(_charted(answer), 1):
        path = folder / f"{answer.question}-{number}.svg"
        charts.bars(path, title, unit, values)
        drawn.append(path.relative_to(page.parent).as_posix())
    return drawn


def _charted(answer: Answer) -> list[tuple[str, str, dict[str, dict[str, float]]]]:
    """Title, unit and points of each chart: deliveries beside their peers, and every unit that has peers."""
    if answer.question == "deliveries":
        named = {row.name.removeprefix("makespan of "): row for row in answer.rows if not row.peer}
        makespans = {
            name.replace("makespan", "Penstock"): row.median
            for name, row in named.items()
            if row.name.startswith("makespan")
        }
        bounds = [row.bound for row in answer.rows if row.bound is not None]
        return [("First delivery", "s, median", {"": {**makespans, "lower bound": min(bounds)}})]
    beside = [row for row in answer.rows if row.peer_values]
    units = dict.fromkeys(row.unit for row in beside)
    return [(title_of(answer.question), unit, _beside(beside, unit)) for unit in units]


def _beside(rows: Sequence[Row], unit: str) -> dict[str, dict[str, float]]:
    series: dict[str, dict[str, float]] = {}
    for row in rows:
        if row.unit == unit:
            series.setdefault("Penstock", {})[row.name] = row.median
            series.setdefault(row.peer, {})[row.name] = sorted(row.peer_values)[len(row.peer_values) // 2]
    return series
