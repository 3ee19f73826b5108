"""Renders one trace as a self-contained HTML page: timeline, variables at each step, marked anomalies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from controller.diagnosis.analysis import AnalysedStep, Analysis
from controller.diagnosis.anomalies import Anomaly
from controller.diagnosis.changes import ChangeCause, VariableChangeKind
from controller.diagnosis.display import printable, shortened, shown_duration, shown_time, shown_value
from controller.diagnosis.document import render
from controller.diagnosis.model import TraceStep, Variable
from controller.diagnosis.variables import milliseconds
from controller.domain.traces import SnapshotRange

LIMIT = 5000
"""Steps that a browser shows without effort."""
_LISTED = 500
_DEEPEST = 12
_CHIPS = 3
_LONGEST = 4000


@dataclass(frozen=True, slots=True)
class _PageRow:
    """One step as the template shows it."""

    index: int
    type: str
    name: str
    branch: str
    offset: str
    took: str
    level: int
    depth: int
    tone: str
    """The worst finding of the step: `bad`, `drift`, `warn` or empty."""
    chips: tuple[str, ...]
    more: int
    anomalies: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    left: float
    """Start and width of its bar, in percent of the total time."""
    width: float


def page(analysis: Analysis, *, first: int = 0, limit: int = LIMIT) -> str:
    """The page of at most `limit` steps from `first` on. The page says which steps it leaves out."""
    header = analysis.header
    rows: list[_PageRow] = []
    data: list[dict[str, object]] = []
    listed: list[Anomaly] = []
    scale = _Scale(header.started_at, header.ended_at)
    before: Mapping[str, Variable] = {}
    for analysed in analysis.with_snapshots(SnapshotRange(first, first + limit - 1)):
        listed.extend(analysed.anomalies[: _LISTED - len(listed)])
        scale.see(analysed.step)
        if analysed.variables is not None:
            rows.append(_row(analysed, scale))
            data.append(_data(analysed.step, before, analysed.variables))
            before = analysed.variables
    summary = analysis.summary()
    values = {
        "header": header,
        "summary": summary,
        "title": printable(header.flow_name or header.flow_id or header.id),
        "started": shown_time(header.started_at),
        "took": shown_duration(milliseconds(header.started_at, header.ended_at)),
        "rows": rows,
        "marks": _marks(rows),
        "anomalies": listed,
        "unlisted": summary.anomalous - len(listed),
        "first": first,
        "last": first + len(rows) - 1,
        "kinds": [(kind.value, count) for kind, count in summary.anomalies.items() if count],
    }
    return render("trace", values, {"first": first, "steps": data})


class _Scale:
    """Places steps on the total time of the execution."""

    def __init__(self, start: datetime | None, end: datetime | None) -> None:
        self._start, self._total = start, milliseconds(start, end)

    def see(self, step: TraceStep) -> None:
        self._start = self._start or step.start

    def offset(self, step: TraceStep) -> str:
        passed = milliseconds(self._start, step.start)
        return "–" if passed is None else f"+{passed / 1000:.3f}"

    def bar(self, step: TraceStep) -> tuple[float, float]:
        passed = milliseconds(self._start, step.start)
        if passed is None or not self._total or self._total <= 0:
            return 0.0, 0.0
        left = min(max(passed / self._total * 100, 0.0), 99.5)
        width = max((step.duration_ms or 0.0) / self._total * 100, 0.5)
        return round(left, 2), round(min(width, 100 - left), 2)


def _row(analysed: AnalysedStep, scale: _Scale) -> _PageRow:
    step = analysed.step
    left, width = scale.bar(step)
    chips = [
        f"{printable(change.name)} removed"
        if change.new is None
        else f"{printable(change.name)} = {shown_value(change.new, 48)}"
        for change in analysed.changes
        if change.cause is not ChangeCause.SCOPE_ENDED
        and (change.kind is VariableChangeKind.GONE or change.new is not None)
    ]
    return _PageRow(
        index=step.index,
        type=printable(step.type),
        name=printable(step.name),
        branch=printable(str(step.branch)) if step.branch else "",
        offset=scale.offset(step),
        took=shown_duration(step.duration_ms),
        level=min(step.depth, _DEEPEST),
        depth=step.depth,
        tone=_tone(analysed),
        chips=tuple(chips[:_CHIPS]),
        more=max(len(chips) - _CHIPS, 0),
        anomalies=tuple((anomaly.kind.value, printable(anomaly.message)) for anomaly in analysed.anomalies),
        notes=tuple(printable(note) for note in (*step.warnings, *step.problems)),
        left=left,
        width=width,
    )


def _tone(analysed: AnalysedStep) -> str:
    if analysed.step.status.failed:
        return "bad"
    if analysed.anomalies:
        return "drift"
    return "warn" if analysed.step.warnings or analysed.step.problems else ""


def _marks(rows: list[_PageRow]) -> list[tuple[int, str, float]]:
    """Marks for the strip of anomalies: step, tone, and position in percent."""
    return [(row.index, row.tone, round(place / len(rows) * 100, 2)) for place, row in enumerate(rows) if row.anomalies]


def _data(step: TraceStep, before: Mapping[str, Variable], after: Mapping[str, Variable]) -> dict[str, object]:
    """Data of a step for the script: the difference of the state, and the record as received."""
    changed = {
        name: [shown_value(variable, _LONGEST), int(variable.secure)]
        for name, variable in after.items()
        if before.get(name) is not variable
    }
    return {
        "set": changed,
        "gone": [name for name in before if name not in after],
        "facts": _facts(step),
        "detail": step.detail,
    }


def _facts(step: TraceStep) -> list[tuple[str, str]]:
    facts = [
        ("id", step.id),
        ("status", step.status_text or step.status.value),
        ("branch", f"{step.branch} ({step.branch.id})" if step.branch and step.branch.name else str(step.branch or "")),
        ("start", shown_time(step.start)),
        ("took", shown_duration(step.duration_ms)),
        ("whole span", shown_duration(step.span_ms) if step.span_ms is not None else ""),
        ("stands in step", "" if step.parent is None else str(step.parent)),
        ("ends step", "" if step.closes is None else str(step.closes)),
        ("errors", "; ".join(step.errors)),
        ("warnings", "; ".join(step.warnings)),
        ("record", "; ".join(step.problems)),
    ]
    return [(label, shortened(printable(text), _LONGEST)) for label, text in facts if text and text != "-"]
