"""Strongly connected components, one short cycle of each, and the order in waves, in linear time.

Elementary cycles are never enumerated: a handful of flows that transfer to each other have thousands of them. The
standard library orders a graph without cycles. networkx finds the components of any other one (Tarjan's algorithm with
Nuutila's changes, iterative).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import count
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)

CYCLE_SEARCH_BUDGET = 2_000_000
"""Number of edges searched for the shortest cycle of one component; beyond it, the shortest found so far counts."""


def strongly_connected(nodes: Sequence[Node], successors: Mapping[Node, Sequence[Node]]) -> list[tuple[Node, ...]]:
    """The components in dependency order (successors first); members in the order of `nodes`.

    Successors that are not among `nodes` are ignored. The result depends only on the order of the arguments.
    """
    inside = _inside(nodes, successors)
    sorter = TopologicalSorter(inside)
    try:
        return [(node,) for node in sorter.static_order()]
    except CycleError:
        return [tuple(component) for component in _components(nodes, inside)]


def _inside(nodes: Sequence[Node], successors: Mapping[Node, Sequence[Node]]) -> dict[Node, list[Node]]:
    known = frozenset(nodes)
    return {node: [child for child in successors.get(node, ()) if child in known] for node in nodes}


def _components(nodes: Sequence[Node], successors: Mapping[Node, Sequence[Node]]) -> Iterator[list[Node]]:
    import networkx as nx  # a fifth of a command's start, and most graphs have no cycle

    graph: nx.DiGraph[Node] = nx.DiGraph()
    graph.add_nodes_from(successors)
    graph.add_edges_from((node, child) for node, children in successors.items() for child in children)
    place = {node: number for number, node in enumerate(nodes)}
    # Depth-first search closes a component only after everything that it points to.
    for component in nx.strongly_connected_components(graph):
        yield sorted(component, key=place.__getitem__)


def waves(nodes: Sequence[Node], successors: Mapping[Node, Sequence[Node]]) -> dict[Node, int]:
    """The wave of each node, from 1: one more than its highest successor. Members of a component share a wave."""
    sorter = TopologicalSorter(_inside(nodes, successors))
    try:
        sorter.prepare()
    except CycleError:
        return _waves_of_components(nodes, successors)
    wave: dict[Node, int] = {}
    for number in count(1):
        if not sorter.is_active():
            break
        ready = sorter.get_ready()
        wave |= dict.fromkeys(ready, number)
        sorter.done(*ready)
    return wave


def _waves_of_components(nodes: Sequence[Node], successors: Mapping[Node, Sequence[Node]]) -> dict[Node, int]:
    wave: dict[Node, int] = {}
    for component in strongly_connected(nodes, successors):
        inside = frozenset(component)
        children = {child for node in component for child in successors.get(node, ())}
        below = (wave[child] for child in children - inside if child in wave)
        wave |= dict.fromkeys(component, max(below, default=0) + 1)
    return wave


def is_acyclic(nodes: Sequence[Node], successors: Mapping[Node, Sequence[Node]]) -> bool:
    """Whether no node reaches itself; much cheaper than the components."""
    try:
        TopologicalSorter(_inside(nodes, successors)).prepare()
    except CycleError:
        return False
    return True


def shortest_cycle(component: Sequence[Node], successors: Mapping[Node, Sequence[Node]]) -> tuple[Node, ...]:
    """A shortest cycle in one strongly connected component, closed: `(a, b, a)`; empty if there is none.

    Among cycles of equal length, the one with the earliest start in `component` wins.
    """
    if len(component) == 1:
        [node] = component
        return (node, node) if node in successors.get(node, ()) else ()
    members = set(component)
    inside = {node: [child for child in successors.get(node, ()) if child in members] for node in component}
    best: tuple[Node, ...] = ()
    budget = CYCLE_SEARCH_BUDGET
    for start in component:
        limit = len(best) - 2 if best else len(component)
        found, looked = _cycle_through(start, inside, limit)
        best = found or best
        budget -= looked
        if budget < 0 and best:
            break
    return best


def _cycle_through(start: Node, inside: Mapping[Node, Sequence[Node]], limit: int) -> tuple[tuple[Node, ...], int]:
    """A shortest cycle through `start` of at most `limit` edges (breadth-first), and the number of edges searched."""
    parents: dict[Node, Node] = {}
    depth = {start: 0}
    queue = deque([start])
    looked = 0
    while queue:
        node = queue.popleft()
        if depth[node] >= limit:
            break
        for child in inside[node]:
            looked += 1
            if child == start:
                return _trace(node, parents, start), looked
            if child not in depth:
                depth[child] = depth[node] + 1
                parents[child] = node
                queue.append(child)
    return (), looked


def _trace(last: Node, parents: Mapping[Node, Node], start: Node) -> tuple[Node, ...]:
    path = [start]
    while last != start:
        path.append(last)
        last = parents[last]
    return (start, *reversed(path))
