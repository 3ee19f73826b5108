"""Graphs as JSON: `penstock.graph/v1` of docs/reference/json.md. A field is never renamed within a version."""

from __future__ import annotations

from collections.abc import Iterable

from controller.domain.documents import plain
from controller.domain.references import Resolution
from controller.graphs.model import Edge, EdgeKind, Graph, Node, Unanswered
from controller.graphs.questions import cycles, missing, orphans, sequence

GRAPH_SCHEMA = "penstock.graph/v1"
UNCONDITIONAL = "unconditional"
"""The condition of an unconditional transition."""


def graph_document(graph: Graph) -> dict[str, object]:
    """The document as plain JSON types."""
    return {
        "schema": GRAPH_SCHEMA,
        "nodes": [_node(node) for node in graph.nodes],
        "edges": [_edge(edge) for edge in graph.edges],
        "waves": [list(wave) for wave in sequence(graph.flows())],
        "cycles": [list(cycle) for cycle in cycles(graph)],
        "orphans": [node.key for node in orphans(graph)],
        "missing": _unanswered(missing(graph)),
        "unresolvable": _unanswered(item for item in graph.unanswered if item.resolution is not Resolution.STATIC),
    }


def _node(node: Node) -> dict[str, object]:
    return {"key": node.key, "type": node.type, **plain(node)}


def _edge(edge: Edge) -> dict[str, object]:
    return {
        "consumer": edge.consumer,
        "consumed": edge.consumed,
        "kind": edge.kind.value,
        "label": edge.label,
        "transition_id": edge.id or None,
        "condition": (edge.label or UNCONDITIONAL) if edge.kind is EdgeKind.TRANSITION else None,
        "presence": edge.presence.value if edge.presence else None,
    }


def _unanswered(items: Iterable[Unanswered]) -> list[dict[str, object]]:
    return [plain(item) for item in items]
