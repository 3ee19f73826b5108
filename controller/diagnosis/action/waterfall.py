"""An action trace as a self-contained HTML waterfall: one bar for each node, the critical path marked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from controller.diagnosis.action.analysis import ActionAnalysis
from controller.diagnosis.action.graph import ActionGraph
from controller.diagnosis.action.model import ActionNode
from controller.diagnosis.display import printable, shown_duration, shown_time
from controller.diagnosis.document import render
from controller.diagnosis.variables import milliseconds

LIMIT = 5000
"""Nodes that a browser shows without effort."""
_DEEPEST = 12
_THINNEST = 0.3
_BEGINNING = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Bar:
    """One node as the template shows it. Positions and widths are percentages of the total time."""

    label: str
    level: int
    tones: str
    latency: str
    own: str
    status: str
    left: float
    width: float
    error: str
    problems: tuple[str, ...]


def waterfall(analysis: ActionAnalysis, *, limit: int = LIMIT) -> str:
    """The page of the first `limit` nodes, parents above their children. The page says how many nodes it leaves out."""
    result, graph, path = analysis.result, analysis.graph, analysis.path
    origin, total = _extent(graph)
    own = {step.node.key: step.own_ms for step in path.nodes}
    bars = [_bar(node, level, own.get(node.key), origin, total) for node, level in _ordered(graph)[:limit]]
    values = {
        "result": result,
        "title": printable(result.action_invocation_id),
        "graph": graph,
        "path": path,
        "bottleneck": analysis.graph.bottleneck,
        "bottleneck_label": printable(analysis.graph.bottleneck.label) if analysis.graph.bottleneck else "",
        "duration": shown_duration,
        "finished": shown_time(result.finished_at),
        "total": shown_duration(total),
        "bars": bars,
        "problems": [printable(problem) for problem in graph.problems[:200]],
        "unlisted": max(len(graph.problems) - 200, 0),
    }
    return render("action", values, {})


def _extent(graph: ActionGraph) -> tuple[datetime | None, float]:
    """The first start, and the milliseconds from it to the last end."""
    timed = [(node.start, node.end) for node in graph.nodes if node.start and node.end]
    if not timed:
        return None, 0.0
    origin = min(start for start, _ in timed)
    return origin, milliseconds(origin, max(end for _, end in timed)) or 0.0


def _ordered(graph: ActionGraph) -> list[tuple[ActionNode, int]]:
    """Nodes with their level: parents before children, children by start; a join is listed under its first parent."""
    children = graph.children()
    pending = [(node, 0) for node in _by_start([node for node in graph.nodes if not node.parents])]
    ordered: list[tuple[ActionNode, int]] = []
    seen: set[str] = set()
    while pending:
        node, level = pending.pop()
        if node.key in seen:
            continue
        seen.add(node.key)
        ordered.append((node, level))
        own = [child for child in children[node.key] if child.parents[0] == node.key]
        pending.extend((child, level + 1) for child in _by_start(own))
    return ordered


def _by_start(nodes: list[ActionNode]) -> list[ActionNode]:
    """Latest first, because callers push them on a stack. On the page, nodes without a time come last."""
    return sorted(nodes, key=lambda node: (node.start is None, node.start or _BEGINNING, node.order), reverse=True)


def _bar(node: ActionNode, level: int, own_ms: float | None, origin: datetime | None, total: float) -> Bar:
    offset = milliseconds(origin, node.start) if node.timed else None
    left = width = 0.0
    if offset is not None and total > 0:
        left = min(offset / total * 100, 100 - _THINNEST)
        width = max(min(node.latency_ms / total * 100, 100 - left), _THINNEST)
    tones = " ".join(
        tone
        for tone, holds in (("bad", node.failed), ("critical", own_ms is not None), ("warn", bool(node.problems)))
        if holds
    )
    return Bar(
        label=printable(node.label),
        level=min(level, _DEEPEST),
        tones=tones,
        latency=shown_duration(node.latency_ms) if node.timed else "no time",
        own="" if own_ms is None else shown_duration(own_ms),
        status=printable(node.status_text or node.status.value),
        left=round(left, 2),
        width=round(width, 2),
        error=printable(node.error or ""),
        problems=tuple(map(printable, node.problems)),
    )
