"""Writes the JSON artifact of one trace (`penstock.trace/v1`) piece by piece: one value for each step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from controller.diagnosis.analysis import AnalysedStep, Analysis, AnalysisSummary
from controller.diagnosis.anomalies import Anomaly
from controller.diagnosis.artifact import (
    TRACE_SCHEMA,
    AnomalyDocument,
    AuditDocument,
    MetadataDocument,
    TraceStepDocument,
    TraceSummaryDocument,
    ValueDocument,
    VariableChangeDocument,
)
from controller.diagnosis.changes import VariableChange
from controller.diagnosis.model import Variable
from controller.diagnosis.nested import strict_json
from controller.domain.documents import filled

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
    metadata = filled(MetadataDocument, analysis.header)
    yield f'{{"schema":{strict_json(TRACE_SCHEMA)},"metadata":{strict_json(metadata)},"execution":{{"steps":['
    for place, analysed in enumerate(analysis):
        found.extend(analysed.anomalies[: _HELD - len(found)])
        yield ("," if place else "") + "\n" + strict_json(_step(analysed))
    summary = analysis.summary()
    complete = summary.anomalous == len(found)
    yield f'],"final_variable_state":{strict_json(_values(summary.final_variables))}}},"anomalies":['
    anomalies: Iterable[Anomaly] = found if complete else (each for step in analysis for each in step.anomalies)
    for place, anomaly in enumerate(anomalies):
        yield ("," if place else "") + "\n" + strict_json(_anomaly(anomaly))
    yield f'],"summary":{strict_json(_summary(summary))},"audit":{strict_json(_audit(audit, summary))}}}\n'


def _step(analysed: AnalysedStep) -> TraceStepDocument:
    return filled(
        TraceStepDocument,
        analysed.step,
        changes=[_change(change) for change in analysed.changes],
        variables=None if analysed.variables is None else _values(analysed.variables),
    )


def _change(change: VariableChange) -> VariableChangeDocument:
    return filled(VariableChangeDocument, change, variable=change.name, old=_value(change.old), new=_value(change.new))


def _anomaly(anomaly: Anomaly) -> AnomalyDocument:
    return filled(AnomalyDocument, anomaly, old=_value(anomaly.old), new=_value(anomaly.new))


def _values(variables: Mapping[str, Variable]) -> dict[str, ValueDocument | None]:
    return {name: _value(each) for name, each in variables.items()}


def _value(variable: Variable | None) -> ValueDocument | None:
    return None if variable is None else filled(ValueDocument, variable)


def _summary(summary: AnalysisSummary) -> TraceSummaryDocument:
    return filled(TraceSummaryDocument, summary, anomalies_total=summary.anomalous)


def _audit(audit: Audit, summary: AnalysisSummary) -> AuditDocument:
    return filled(
        AuditDocument,
        audit,
        steps_resolved=summary.resolved,
        steps_total=summary.steps,
        step_resolution_accuracy=summary.accuracy,
    )
