"""Writes the JSON artifact of one trace, schema `penstock.trace/v1`, piece by piece."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from controller.diagnosis.analysis import AnalysedStep, Analysis, AnalysisSummary
from controller.diagnosis.anomalies import Anomaly
from controller.diagnosis.changes import VariableChange
from controller.diagnosis.model import TraceHeader, TraceStep, Variable
from controller.diagnosis.nested import strict_json

SCHEMA = "penstock.trace/v1"
_HELD = 1000
"""Anomalies held in memory while the steps are written. With more anomalies, the trace is walked again."""


@dataclass(frozen=True, slots=True)
class Audit:
    """Who exported the trace, with which scopes, and how long the calls took."""

    operator: str
    scopes: Sequence[str]
    query_latency_ms: float
    """Total response time of the organisation over all calls."""
    exported_at: datetime


def report(analysis: Analysis, audit: Audit) -> Iterator[str]:
    """The artifact as pieces of JSON text that join to one object. Memory does not grow with the steps."""
    found: list[Anomaly] = []
    metadata = strict_json(_metadata(analysis.header))
    yield f'{{"schema":{strict_json(SCHEMA)},"metadata":{metadata},"execution":{{"steps":['
    for place, analysed in enumerate(analysis):
        found.extend(analysed.anomalies[: _HELD - len(found)])
        yield ("," if place else "") + "\n" + strict_json(_step(analysed))
    summary = analysis.summary()
    complete = summary.anomalous == len(found)
    final = {name: _variable(each) for name, each in summary.final_variables.items()}
    yield f'],"final_variable_state":{strict_json(final)}}},"anomalies":['
    anomalies: Iterable[Anomaly] = found if complete else (each for step in analysis for each in step.anomalies)
    for place, anomaly in enumerate(anomalies):
        yield ("," if place else "") + "\n" + strict_json(_anomaly(anomaly))
    yield f'],"summary":{strict_json(_summary(summary))},"audit":{strict_json(_audit(audit, summary))}}}\n'


def _metadata(header: TraceHeader) -> dict[str, object]:
    return {
        "id": header.id,
        "dialect": header.dialect,
        "flow_id": header.flow_id,
        "flow_name": header.flow_name,
        "flow_type": header.flow_type,
        "flow_version": header.flow_version,
        "conversation_id": header.conversation_id,
        "started_at": _time(header.started_at),
        "ended_at": _time(header.ended_at),
        "truncated": header.truncated,
        "secure": header.secure,
        "debug": header.debug,
        "log_level": header.log_level,
        "extra": header.extra,
    }


def _step(analysed: AnalysedStep) -> dict[str, object]:
    step = analysed.step
    variables = analysed.variables
    snapshot = {} if variables is None else {"variables": {name: _variable(each) for name, each in variables.items()}}
    return {
        "index": step.index,
        "id": step.id,
        "type": step.type,
        "name": step.name,
        "depth": step.depth,
        "parent": step.parent,
        "opens": step.opens,
        "closes": step.closes,
        **_times(step),
        "status": step.status,
        "status_text": step.status_text,
        "decision": step.decision,
        "branch": {"id": step.branch.id, "name": step.branch.name} if step.branch else None,
        "changes": [_change(change) for change in analysed.changes],
        **snapshot,
        "errors": step.errors,
        "warnings": step.warnings,
        "secure": step.secure,
        "known": step.known,
        "resolved": step.resolved,
        "problems": step.problems,
        "detail": step.detail,
    }


def _times(step: TraceStep) -> dict[str, object]:
    return {
        "start": _time(step.start),
        "end": _time(step.end),
        "duration_ms": step.duration_ms,
        "span_ms": step.span_ms,
    }


def _change(change: VariableChange) -> dict[str, object]:
    return {
        "variable": change.name,
        "kind": change.kind,
        "cause": change.cause,
        "old": _variable(change.old),
        "new": _variable(change.new),
    }


def _anomaly(anomaly: Anomaly) -> dict[str, object]:
    return {
        "kind": anomaly.kind,
        "step_index": anomaly.step_index,
        "step_id": anomaly.step_id,
        "message": anomaly.message,
        "variable": anomaly.variable,
        "old": _variable(anomaly.old),
        "new": _variable(anomaly.new),
    }


def _variable(variable: Variable | None) -> dict[str, object] | None:
    if variable is None:
        return None
    return {"value": variable.value, "withheld": variable.withheld, "secure": variable.secure}


def _summary(summary: AnalysisSummary) -> dict[str, object]:
    return {
        "steps": summary.steps,
        "failed": summary.failed,
        "decisions": summary.decisions,
        "deepest": summary.deepest,
        "without_time": summary.without_time,
        "unknown_events": summary.unknown_events,
        "problems": summary.problems,
        "first_failure": summary.first_failure,
        "anomalies": dict(summary.anomalies),
        "anomalies_total": summary.anomalous,
    }


def _audit(audit: Audit, summary: AnalysisSummary) -> dict[str, object]:
    return {
        "operator": audit.operator,
        "scopes": list(audit.scopes),
        "query_latency_ms": audit.query_latency_ms,
        "exported_at": _time(audit.exported_at),
        "steps_resolved": summary.resolved,
        "steps_total": summary.steps,
        "step_resolution_accuracy": summary.accuracy,
    }


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
