"""Questions to a dependency graph: impact, cycles, order, orphans, missing references."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from controller.domain.references import Resolution
from controller.graphs.components import is_acyclic, shortest_cycle, strongly_connected, waves
from controller.graphs.model import Graph, Node, Unanswered


@dataclass(frozen=True, slots=True)
class Impact:
    """One node that a change affects."""

    key: str
    distance: int
    """Number of edges to the changed node; 1 for direct consumers."""
    via: Impact | None = field(default=None, compare=False, repr=False)
    """The consumed node on the way to the change; None for a changed node."""

    @property
    def path(self) -> tuple[str, ...]:
        """A shortest chain from the changed node to this one, both included: each consumes the one before it."""
        keys = [self.key]
        step = self.via
        while step is not None:
            keys.append(step.key)
            step = step.via
        return tuple(reversed(keys))


def impact(graph: Graph, changed: Iterable[str]) -> tuple[Impact, ...]:
    """All direct and indirect consumers of the changed nodes, nearest first, without the changed nodes.

    Keys outside the graph affect nothing. Linear in the graph.
    """
    consumers = graph.consumers()
    reached = {key: Impact(key, 0) for key in sorted(set(changed)) if key in consumers}
    queue = deque(reached.values())
    while queue:
        step = queue.popleft()
        for consumer in consumers[step.key]:
            if consumer not in reached:
                reached[consumer] = Impact(consumer, step.distance + 1, step)
                queue.append(reached[consumer])
    found = [item for item in reached.values() if item.via is not None]
    return tuple(sorted(found, key=lambda item: (item.distance, item.key)))


def cycles(graph: Graph, order: Iterable[Sequence[str]] | None = None) -> tuple[tuple[str, ...], ...]:
    """One shortest cycle for each strongly connected component, closed (`a, b, a`), self-references included.

    `order` is the `sequence` of its flows where that is known: only on a cycle do both ends of an edge share a wave.
    """
    if order is not None and not _shares_wave(graph, order):
        return ()
    consumed = graph.consumed()
    keys = [node.key for node in graph.nodes]
    if is_acyclic(keys, consumed):
        return ()
    components = strongly_connected(keys, consumed)
    found = [shortest_cycle(component, consumed) for component in components]
    return tuple(sorted(cycle for cycle in found if cycle))


def _shares_wave(graph: Graph, order: Iterable[Sequence[str]]) -> bool:
    wave = {key: number for number, keys in enumerate(order) for key in keys}
    return any(wave[edge.consumer] == wave.get(edge.consumed) for edge in graph.edges)


def sequence(graph: Graph) -> tuple[tuple[str, ...], ...]:
    """The deployment sequence in waves. A node consumes only nodes of earlier waves, except within a cycle.

    Inside a flow, a node comes after the nodes that lead to it. The members of a cycle share one wave. A wave is in
    order of key.
    """
    wave = waves([node.key for node in graph.nodes], graph.before())
    found: list[list[str]] = [[] for _ in range(max(wave.values(), default=0))]
    for key in sorted(wave):
        found[wave[key] - 1].append(key)
    return tuple(map(tuple, found))


def orphans(graph: Graph) -> tuple[Node, ...]:
    """The nodes without other consumers. Entry points are included: a graph cannot tell them from unused flows."""
    used = {edge.consumed for edge in graph.edges if edge.consumer != edge.consumed}
    return tuple(node for node in graph.nodes if node.key not in used)


def missing(graph: Graph) -> tuple[Unanswered, ...]:
    """The static references without a target. References that are decided at run time are never included."""
    return tuple(item for item in graph.unanswered if item.resolution is Resolution.STATIC)
