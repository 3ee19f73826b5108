"""Two graphs of one organisation as one: what the repository asks for, what is live, and where they differ."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import replace
from typing import TypeVar

from controller.graphs.model import Edge, EdgeKind, Graph, Node, Presence, Unanswered

Item = TypeVar("Item", Edge, Unanswered)


def merged(repository: Graph, live: Graph) -> Graph:
    """Everything of both graphs, each once, marked with where it stands.

    What an edge is like comes from the repository where both have it. Edges that manifests declare are not marked:
    the organisation has nothing to compare them with.
    """
    edges = _union(repository.edges, live.edges, _edge_identity)
    unanswered = _union(repository.unanswered, live.unanswered, lambda item: (item.consumer, item.name, item.types))
    return Graph(
        tuple(sorted(_nodes(repository, live), key=lambda node: node.key)),
        tuple(sorted(replace(edge, presence=None) if edge.kind is EdgeKind.DEPENDS_ON else edge for edge in edges)),
        tuple(sorted(unanswered)),
    )


def _nodes(repository: Graph, live: Graph) -> Iterator[Node]:
    wanted = {node.key: node for node in repository.nodes if node.managed or node.resource}
    seen = {node.key: node for node in live.nodes}
    for key, node in wanted.items():
        presence = Presence.BOTH if key in seen else Presence.REPOSITORY
        yield replace(seen.get(key, node), managed=node.managed, presence=presence)
    for key, node in seen.items():
        if key not in wanted:
            yield replace(node, presence=Presence.LIVE)


def _edge_identity(edge: Edge) -> Hashable:
    """References and bindings are one thing here: only a file tells them apart for sure."""
    return edge.consumer, edge.consumed, edge.kind is EdgeKind.DEPENDS_ON, edge.label


def _union(repository: Iterable[Item], live: Iterable[Item], identity: Callable[[Item], Hashable]) -> Iterator[Item]:
    wanted = {identity(item): item for item in repository}
    seen = {identity(item): item for item in live}
    for known, item in wanted.items():
        yield replace(item, presence=Presence.BOTH if known in seen else Presence.REPOSITORY)
    for known, item in seen.items():
        if known not in wanted:
            yield replace(item, presence=Presence.LIVE)
