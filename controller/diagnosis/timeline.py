"""Renders the timeline of one trace as text."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from controller.diagnosis.analysis import Analysis, OutlinedStep
from controller.diagnosis.changes import ChangeCause, VariableChange, VariableChangeKind
from controller.diagnosis.display import printable, shown_duration, shown_time, shown_value
from controller.diagnosis.model import StepOutline, TraceHeader
from controller.diagnosis.variables import milliseconds

_DEEPEST = 16
"""Deepest indented level; deeper steps show their depth as a number."""
_MARGIN = " " * 29


def timeline(analysis: Analysis, *, only_anomalies: bool = False) -> Iterator[str]:
    """The lines of the timeline, without line ends. `only_anomalies` leaves out steps without anomalies."""
    header = analysis.header
    yield from _head(header)
    origin = header.started_at
    for outlined in analysis.outlines():
        origin = origin or outlined.step.start
        if not only_anomalies or outlined.anomalies:
            yield from _lines(outlined, origin)
    yield ""
    yield from _foot(analysis)


def _head(header: TraceHeader) -> Iterator[str]:
    name = printable(header.flow_name or header.flow_id or "unknown flow")
    version = f" {printable(header.flow_version)}" if header.flow_version else ""
    kind = f" ({printable(header.flow_type)})" if header.flow_type else ""
    yield f"{name}{version}{kind}, execution {printable(header.id)}"
    took = shown_duration(milliseconds(header.started_at, header.ended_at))
    yield f"started {shown_time(header.started_at)}, took {took}"
    if header.truncated:
        yield "the organisation cut this record short: steps are missing at its end"
    if header.secure:
        yield "this execution is secure: no value is shown"
    yield ""


def _lines(outlined: OutlinedStep, origin: datetime | None) -> Iterator[str]:
    step = outlined.step
    offset = milliseconds(origin, step.start)
    at = f"+{offset / 1000:.3f}s" if offset is not None and offset >= 0 else "-"
    took = shown_duration(step.duration_ms)
    mark = "!" if outlined.anomalies else " "
    indent = "  " * min(step.depth, _DEEPEST) + (f"[{step.depth}] " if step.depth > _DEEPEST else "")
    yield f"{mark}{step.index:>6} {at:>11} {took:>9} {indent}{_title(step)}"
    margin = _MARGIN + indent + "  "
    for change in outlined.changes:
        if change.cause is not ChangeCause.SCOPE_ENDED:
            yield margin + _change(change)
    for warning in step.warnings:
        yield f"{margin}warning: {printable(warning)}"
    for problem in step.problems:
        yield f"{margin}record: {printable(problem)}"
    for anomaly in outlined.anomalies:
        yield f"{margin}! {anomaly.kind.value}: {printable(anomaly.message)}"


def _title(step: StepOutline) -> str:
    name = f" {printable(step.name)!r}" if step.name else ""
    branch = f" -> {printable(str(step.branch))}" if step.branch else ""
    end = f" (ends {step.closes}, {shown_duration(step.span_ms)} in all)" if step.span_ms is not None else ""
    return f"{printable(step.type)}{name}{branch}{end}"


def _change(change: VariableChange) -> str:
    name = printable(change.name)
    old = shown_value(change.old) if change.old else ""
    new = shown_value(change.new) if change.new else ""
    if change.kind is VariableChangeKind.GONE:
        return f"{name} is gone (was {old})"
    return f"{name} = {new}" + (f" (was {old})" if change.old else "")


def _foot(analysis: Analysis) -> Iterator[str]:
    summary = analysis.summary()
    yield (
        f"{summary.steps} steps, {summary.resolved} resolved ({summary.accuracy:.1%}), {summary.failed} failed, "
        f"{summary.anomalous} anomalies"
    )
    counts = [f"{kind.value} {count}" for kind, count in summary.anomalies.items() if count]
    if counts:
        yield "anomalies: " + ", ".join(counts)
    if summary.without_time:
        yield f"steps without a time, whose durations are not known: {summary.without_time}"
    if summary.unknown_events:
        yield f"events of kinds that this version does not know, kept as they were: {summary.unknown_events}"
