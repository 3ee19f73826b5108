"""The payload for an observability webhook about a finished action trace. Sending it is the caller's task."""

from __future__ import annotations

from controller.diagnosis.action.analysis import ActionAnalysis


def webhook_payload(analysis: ActionAnalysis) -> dict[str, object]:
    """The body as a plain object; latencies in whole milliseconds, the rate from 0 to 1, the time in ISO 8601 (J6)."""
    result, bottleneck = analysis.result, analysis.bottleneck
    return {
        "flowId": result.flow_id,
        "actionInvocationId": result.action_invocation_id,
        "status": result.status,
        "bottleneckNode": bottleneck.id if bottleneck else None,
        "bottleneckLatencyMs": round(bottleneck.latency_ms) if bottleneck else 0,
        "retrievalLatencyMs": round(result.retrieval_latency_ms),
        "traceAccuracyRate": analysis.graph.accuracy,
        "timestamp": result.finished_at.isoformat(),
    }
