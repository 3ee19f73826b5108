"""Writes the JSON artifact of one trace, schema `penstock.trace/v1`, piece by piece."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from controller.diagnosis.analysis import AnalysedStep, Analysis, AnalysisSummary
from controller.diagnosis.anomalies import Anomaly
from controller.diagnosis.changes import VariableChange
from controller.diagnosis.model import Variable
from controller.diagnosis.nested import json_fields, strict_json

SCHEMA = "penstock.trace/v1"
_METADATA = (
    "id dialect flow_id flow_name flow_type flow_version conversation_id started_at ended_at truncated secure debug "
    "log_level extra"
)
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
    metadata = strict_json(json_fields(analysis.header, _METADATA))
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


def _step(analysed: AnalysedStep) -> dict[str, object]:
    step, variables = analysed.step, analysed.variables
    snapshot = {} if variables is None else {"variables": {name: _variable(each) for name, each in variables.items()}}
    return {
        **json_fields(step, "index id type name depth parent opens closes start end duration_ms span_ms"),
        **json_fields(step, "status status_text decision"),
        "branch": json_fields(step.branch, "id name") if step.branch else None,
        "changes": [_change(change) for change in analysed.changes],
        **snapshot,
        **json_fields(step, "errors warnings secure known resolved problems detail"),
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
        **json_fields(anomaly, "kind step_index step_id message variable"),
        "old": _variable(anomaly.old),
        "new": _variable(anomaly.new),
    }


def _variable(variable: Variable | None) -> dict[str, object] | None:
    return None if variable is None else json_fields(variable, "value withheld secure")


def _summary(summary: AnalysisSummary) -> dict[str, object]:
    return {
        **json_fields(summary, "steps failed decisions deepest without_time unknown_events problems first_failure"),
        "anomalies": dict(summary.anomalies),
        "anomalies_total": summary.anomalous,
    }


def _audit(audit: Audit, summary: AnalysisSummary) -> dict[str, object]:
    return {
        **json_fields(audit, "operator scopes query_latency_ms exported_at"),
        "steps_resolved": summary.resolved,
        "steps_total": summary.steps,
        "step_resolution_accuracy": summary.accuracy,
    }
