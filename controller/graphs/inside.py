"""The nodes inside one flow as a graph of the same form, so that the same exports and questions serve."""

from __future__ import annotations

from controller.flows import NodeGraph
from controller.graphs.model import Edge, EdgeKind, Graph, Node


def inside_graph(content: NodeGraph, *, ids: bool = False) -> Graph:
    """Actions, tasks, menus and states, with edges to what follows. An edge leads from a node to its successor.

    `ids` is whether the ways' ids are the organisation's.
    """
    nodes = {node.id: Node(node.id, node.name or _nameless(node.node), node.type) for node in content.nodes}
    edges = {
        Edge(edge.source, edge.target, EdgeKind.TRANSITION, edge.condition, id=edge.id if ids else "")
        for edge in content.edges
    }
    return Graph(tuple(sorted(nodes.values(), key=lambda node: node.key)), tuple(sorted(edges)))


def _nameless(path: str) -> str:
    """What to call a node without a name: the end of its path."""
    return ".".join(path.split(".")[-2:])
