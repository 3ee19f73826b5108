"""The JSON artifact of one trace as values: `penstock.trace/v1`. `report` writes it step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from controller.diagnosis.anomalies import AnomalyKind
from controller.diagnosis.changes import ChangeCause, VariableChangeKind
from controller.diagnosis.model import ScopeKind, StepOutput, StepStatus, Withheld
from controller.domain.documents import optional

TRACE_SCHEMA: Literal["penstock.trace/v1"] = "penstock.trace/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataDocument:
    """The execution.

    The fields that the dialect does not tell are null.
    """

    id: str
    """The execution's id."""
    dialect: str
    """`architect` or `versioned`."""
    flow_id: str | None
    """The id of the flow that ran."""
    flow_name: str | None
    """The flow's name."""
    flow_type: str | None
    """The flow's type."""
    flow_version: str | None
    """The version that ran."""
    conversation_id: str | None
    """The conversation that it served."""
    started_at: datetime | None
    """When it started, ISO 8601."""
    ended_at: datetime | None
    """When it ended, ISO 8601; null while it runs."""
    truncated: bool
    """Whether the organisation cut the record short."""
    secure: bool
    """Whether the whole execution is secure, so that no value of it is shown."""
    debug: bool
    """Whether the organisation marks it as a debug session."""
    log_level: str | None
    """How much the organisation recorded."""
    extra: Mapping[str, object]
    """All other fields of the execution, by the organisation's names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueDocument:
    """A variable's value."""

    value: object
    """Any JSON; masked where it is secret, null where it is withheld."""
    withheld: Withheld | None
    """Why the organisation withheld it."""
    secure: bool
    """Whether the record marks it as secure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VariableChangeDocument:
    """A change of a variable."""

    variable: str
    """The variable's name."""
    kind: VariableChangeKind
    """Whether it is new, has another value, has a value of another type, or is gone."""
    cause: ChangeCause
    """What explains the change; [the rules](traces.md#what-explains-a-change)."""
    old: ValueDocument | None
    """The value before; null for a new variable."""
    new: ValueDocument | None
    """The value after; null for a variable that is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceStepDocument:
    """A step of a trace.

    A step is resolved when it has an id, a type that is known, and a successor that is the one it names.
    """

    index: int
    """From 0, in order of time."""
    id: str
    """The organisation's id, or `#` and the index."""
    type: str
    """The event or action as the dialect spells it."""
    name: str
    """The name in Architect; empty where there is none."""
    depth: int
    """How deep it is nested, from 0."""
    parent: int | None
    """The index of the step that contains it."""
    opens: ScopeKind | None
    """The kind of scope that it opens."""
    closes: int | None
    """The index of the step that it ends."""
    start: datetime | None
    """When it began, ISO 8601."""
    end: datetime | None
    """When it ended, ISO 8601."""
    duration_ms: float | None
    """Milliseconds until the next step began; null when one of the two times is missing."""
    span_ms: float | None
    """Of a step that ends others: milliseconds since the one that it closes."""
    status: StepStatus
    """How it ended; unknown where Penstock does not know the organisation's word."""
    status_text: str
    """The organisation's own word for the status."""
    decision: bool
    """Whether it decides which way to take."""
    branch: StepOutput | None
    """The way that it took."""
    changes: Sequence[VariableChangeDocument]
    """The variables that changed."""
    variables: Mapping[str, ValueDocument] | None = optional()
    """All variables after the step, by name; only in the snapshot ranges that were asked for."""
    errors: Sequence[str]
    """The errors of the record, in words."""
    warnings: Sequence[str]
    """The warnings of the record, in words."""
    secure: bool
    """Whether the record marks it as secure, so that its values are not shown."""
    known: bool
    """Whether it is of a kind that Penstock knows."""
    resolved: bool
    """Whether the record is complete."""
    problems: Sequence[str]
    """Faults of the record itself, in words."""
    detail: Mapping[str, object]
    """The record as it was, masked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionDocument:
    """The steps of a trace."""

    steps: Sequence[TraceStepDocument]
    """The steps, in order."""
    final_variable_state: Mapping[str, ValueDocument]
    """All variables after the last step, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnomalyDocument:
    """An anomaly."""

    kind: AnomalyKind
    """Which of [the anomalies](traces.md#anomalies)."""
    step_index: int
    """The index of the step."""
    step_id: str
    """The id of the step."""
    message: str
    """All of it, for people."""
    variable: str | None
    """The variable that it is about."""
    old: ValueDocument | None
    """The variable's value before."""
    new: ValueDocument | None
    """The variable's value after."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceSummaryDocument:
    """The counts of a trace."""

    steps: int
    """All steps."""
    failed: int
    """Steps that failed."""
    decisions: int
    """Steps that decide."""
    deepest: int
    """The deepest nesting."""
    without_time: int
    """Steps without a time."""
    unknown_events: int
    """Steps of a kind that Penstock does not know."""
    problems: int
    """Steps with a faulty record."""
    first_failure: int | None
    """The index of the first step that failed."""
    anomalies: Mapping[AnomalyKind, int]
    """How many anomalies there are of each kind, zeros included."""
    anomalies_total: int
    """All anomalies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditDocument:
    """Who exported a trace."""

    operator: str
    """`--operator`, else the user of the machine."""
    scopes: Sequence[str]
    """The permissions of the calls that were made."""
    query_latency_ms: float
    """The organisation's response time over all calls."""
    exported_at: datetime
    """When, ISO 8601."""
    steps_resolved: int
    """Steps with a complete record."""
    steps_total: int
    """All steps."""
    step_resolution_accuracy: float
    """Resolved of all steps, from 0 to 1; 0 without steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceDocument:
    """`penstock trace executions --execution ID --format json`, and `penstock trace file`: one execution.

    It is written step by step, so memory does not grow with the number of steps.
    """

    schema: Literal["penstock.trace/v1"] = TRACE_SCHEMA
    metadata: MetadataDocument
    """The execution as a whole."""
    execution: ExecutionDocument
    """Its steps."""
    anomalies: Sequence[AnomalyDocument]
    """Its anomalies, in order of the steps."""
    summary: TraceSummaryDocument
    """Its counts."""
    audit: AuditDocument
    """Who exported it."""
