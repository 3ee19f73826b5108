"""An action trace for other programs: Graphviz DOT, and the body of a webhook."""

from __future__ import annotations

from itertools import pairwise

from controller.diagnosis.action.analysis import ActionAnalysis
from controller.diagnosis.action.critical_path import CriticalPath
from controller.diagnosis.action.graph import ActionGraph
from controller.diagnosis.action.model import ActionNode
from controller.diagnosis.display import printable, shortened, shown_duration

_LONGEST_LABEL = 80


def action_dot(graph: ActionGraph, path: CriticalPath | None = None) -> str:
    """The graph in Graphviz' language; the critical path is bold, failed nodes are red."""
    critical = path.keys if path else ()
    critical_edges = set(pairwise(critical))
    names = {node.key: f"n{place}" for place, node in enumerate(graph.nodes)}
    lines = ["digraph action {", "  rankdir=LR;", '  node [shape=box, style=rounded, fontname="sans-serif"];']
    for node in graph.nodes:
        look = "".join((', color="#c62f3d"' if node.failed else "", ", penwidth=3" if node.key in critical else ""))
        lines.append(f"  {names[node.key]} [label={_quoted(_label(node))}{look}];")
    for node in graph.nodes:
        for parent in node.parents:
            bold = " [penwidth=3]" if (parent, node.key) in critical_edges else ""
            lines.append(f"  {names[parent]} -> {names[node.key]}{bold};")
    return "\n".join([*lines, "}", ""])


def _label(node: ActionNode) -> str:
    error = f"\n{shortened(printable(node.error), _LONGEST_LABEL)}" if node.error else ""
    name = shortened(printable(node.label), _LONGEST_LABEL)
    return f"{name}\n{shown_duration(node.latency_ms) if node.timed else 'no time'}{error}"


def _quoted(text: str) -> str:
    """A quoted string of DOT: entities and escapes in a label mean something there, so both are escaped."""
    escaped = text.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def webhook_payload(analysis: ActionAnalysis) -> dict[str, object]:
    """The body as a plain object; latencies in whole milliseconds, the rate from 0 to 1, the time in ISO 8601 (J6)."""
    result, bottleneck = analysis.result, analysis.graph.bottleneck
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
