"""What receivers are told: `{"event_type": …, "data": …}`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

ACTION_TRACE = "action_trace"


@dataclass(frozen=True, slots=True)
class TraceSummary:
    """The outcome of one action trace, for an observability receiver."""

    flow_id: str
    action_invocation_id: str
    status: str
    bottleneck_node: str | None
    bottleneck_latency_ms: float
    retrieval_latency_ms: float
    trace_accuracy_rate: float
    """Parsed steps divided by expected steps, from 0 to 1."""
    at: datetime


def event(event_type: str, data: Mapping[str, object]) -> dict[str, object]:
    """The payload of an event; `data` must hold no secret."""
    return {"event_type": event_type, "data": dict(data)}


def trace_event(summary: TraceSummary) -> dict[str, object]:
    """The payload that tells an observability receiver how an action trace came out."""
    return event(
        ACTION_TRACE,
        {
            "flowId": summary.flow_id,
            "actionInvocationId": summary.action_invocation_id,
            "status": summary.status,
            "bottleneckNode": summary.bottleneck_node,
            "bottleneckLatencyMs": summary.bottleneck_latency_ms,
            "retrievalLatencyMs": summary.retrieval_latency_ms,
            "traceAccuracyRate": summary.trace_accuracy_rate,
            "timestamp": summary.at.astimezone(UTC).isoformat(),
        },
    )
