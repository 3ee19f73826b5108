"""An action trace as a document: `penstock.action-trace/v1`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from controller.diagnosis.action.analysis import ActionAnalysis
from controller.diagnosis.model import StepStatus
from controller.domain.documents import filled


@dataclass(frozen=True, slots=True, kw_only=True)
class BottleneckDocument:
    """The bottleneck."""

    node: str
    """The key of the node with the longest time from start to end."""
    latency_ms: float
    """That time in milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PathNodeDocument:
    """A node of the critical path."""

    node: str
    """The node's key."""
    own_ms: float
    """Milliseconds in which it was the deepest node of the path that ran."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CriticalPathDocument:
    """The critical path.

    [Its definition](traces.md#action-traces).
    """

    nodes: Sequence[PathNodeDocument]
    """From the root down."""
    length_ms: float
    """Milliseconds that its nodes cover, overlaps counted once."""
    span_ms: float
    """Milliseconds from its first start to its last end."""
    wait_ms: float
    """The part of the span in which none of its nodes ran."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionNodeDocument:
    """A node that ran."""

    key: str
    """Unique: the node's id, with `#2` and so on for repetitions."""
    node_id: str
    """The organisation's id of the node."""
    name: str
    """Its name; empty where the answer gives none."""
    parents: Sequence[str]
    """The keys of the nodes that led to it."""
    start: datetime | None
    """When it began, ISO 8601."""
    end: datetime | None
    """When it ended, ISO 8601."""
    latency_ms: float
    """Milliseconds from start to end; 0 when one of the two is missing."""
    status: StepStatus
    """How it ended; unknown where Penstock does not know the organisation's word."""
    status_text: str
    """The organisation's own word for the status."""
    error: str | None
    """The organisation's error message."""
    problems: Sequence[str]
    """Faults of the record, in words."""
    detail: Mapping[str, object]
    """The record as it was, masked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionTraceDocument:
    """`penstock trace action FLOW --invocation ID --format json`: all that one action led to."""

    schema: Literal["penstock.action-trace/v1"] = "penstock.action-trace/v1"
    flow_id: str
    """The flow's id."""
    action_invocation_id: str
    """The action's invocation, as it was asked for."""
    job_id: str
    """The organisation's job; `--job` waits for it again."""
    status: str
    """How the job ended: `completed`, `failed`, `cancelled` or `error`."""
    message: str | None
    """The job's message."""
    finished_at: datetime
    """When the result was there, ISO 8601."""
    retrieval_latency_ms: float
    """Milliseconds from submitting the job until its result was there."""
    trace_accuracy: float
    """Parsed of expected steps, from 0 to 1."""
    steps_parsed: int
    """Steps that could be read."""
    steps_expected: int
    """Steps that the job announced (`expectedSteps`, `totalSteps`), else the depth that was asked for."""
    bottleneck: BottleneckDocument | None
    """The slowest node; null when no node has a time."""
    critical_path: CriticalPathDocument
    """The nodes that decided when the action ended."""
    failed: Sequence[str]
    """The keys of the nodes that failed."""
    problems: Sequence[str]
    """Faults of the record, in words."""
    nodes: Sequence[ActionNodeDocument]
    """Every node that ran, parents before their children."""


def action_report(analysis: ActionAnalysis) -> ActionTraceDocument:
    """The document of one action's trace."""
    graph, path = analysis.graph, analysis.path
    bottleneck = graph.bottleneck
    return filled(
        ActionTraceDocument,
        analysis.result,
        trace_accuracy=graph.accuracy,
        steps_parsed=graph.parsed,
        steps_expected=graph.expected,
        bottleneck=filled(BottleneckDocument, bottleneck, node=bottleneck.key) if bottleneck else None,
        critical_path=filled(
            CriticalPathDocument,
            path,
            nodes=[PathNodeDocument(node=step.node.key, own_ms=step.own_ms) for step in path.nodes],
        ),
        failed=[node.key for node in graph.failed],
        problems=graph.problems,
        nodes=[filled(ActionNodeDocument, node, node_id=node.id) for node in graph.nodes],
    )
