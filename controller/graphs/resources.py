"""Queues, data actions, prompts and the like as leaves of a flow graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from controller.domain.references import Resolution, ResourceReference
from controller.graphs.model import Edge, Graph, Node, Unanswered


def with_resources(graph: Graph, resources: Mapping[str, Iterable[ResourceReference]]) -> Graph:
    """The graph with what each flow (by key) uses besides flows; uses decided at run time are unresolvable."""
    nodes = {node.key: node for node in graph.nodes}
    edges, unanswered = set(graph.edges), set(graph.unanswered)
    for consumer, used in resources.items():
        for resource in used:
            if resource.resolution is not Resolution.STATIC:
                kinds = (resource.kind,)
                unanswered.add(Unanswered(consumer, resource.name, kinds, resource.path, resource.resolution))
                continue
            key = f"{resource.kind}/{resource.name}"
            nodes.setdefault(key, Node(key, resource.name, resource.kind, managed=False, resource=True))
            edges.add(Edge(consumer, key))
    ordered = tuple(sorted(nodes.values(), key=lambda node: node.key))
    return Graph(ordered, tuple(sorted(edges)), tuple(sorted(unanswered)))
