"""Strongly connected components, one short cycle of each, and the order in waves, in linear time.

Elementary cycles are never enumerated: a handful of flows that transfer to each other have thousands of them. Tarjan's
algorithm runs iteratively here: recursion would fail on a chain of a thousand flows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)

CYCLE_SEARCH_BUDGET = 2_000_000
"""Number of edges searched for the shortest cycle of one component; beyond it, the shortest found so far counts."""


def strongly_connected(nodes: Sequence[Node], successors: Mapping[Node, Sequence[Node]]) -> list[tuple[Node, ...]]:
    """The components in dependency order (successors first); members in the order of `nodes`.

    Successors that are not among `nodes` are ignored. The result depends only on the order of the arguments.
    """
    number = {node: index for index, node in enumerate(nodes)}
    edges = [[number[child] for child in successors.get(node, ()) if child in number] for node in nodes]
    # Depth-first search closes a component only after everything that it points to.
    return [tuple(nodes[index] for index in sorted(component)) for component in _tarjan(edges)]


def _tarjan(edges: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """The components of a graph that has the indexes of `edges` as nodes."""
    seen: dict[int, int] = {}  # node: when it was first seen
    lowest: dict[int, int] = {}  # node: the first seen of those that it leads to and that are in no component yet
    open_nodes: list[int] = []
    for start in range(len(edges)):
        path = [] if start in seen else [(start, iter(edges[start]))]
        while path:
            node, children = path[-1]
            if node not in seen:
                seen[node] = lowest[node] = len(seen)
                open_nodes.append(node)
            for child in children:
                if child not in seen:
                    path.append((child, iter(edges[child])))
                    break
                if child in lowest:
                    lowest[node] = min(lowest[node], lowest[child])
            else:
                path.pop()
                if path:
                    above = path[-1][0]
                    lowest[above] = min(lowest[above], lowest[node])
                if lowest[node] == seen[node]:
                    yield _closed(node, open_nodes, lowest)


def _closed(root: int, open_nodes: list[int], lowest: dict[int, int]) -> list[int]:
    """Take the component that began with `root` off the open nodes."""
    component: list[int] = []
    while not component or component[-1] != root:
        component.append(open_nodes.pop())
        del lowest[component[-1]]
    return component


def waves(nodes: Sequence[Node], successors: Mapping[Node, Sequence[Node]]) -> dict[Node, int]:
    """The wave of each node, from 1: one more than its highest successor. Members of a component share a wave."""
    wave: dict[Node, int] = {}
    for component in strongly_connected(nodes, successors):
        inside = frozenset(component)
        below = (
            wave[child]
            for node in component
            for child in successors.get(node, ())
            if child not in inside and child in wave
        )
        wave |= dict.fromkeys(component, max(below, default=0) + 1)
    return wave


def shortest_cycle(component: Sequence[Node], successors: Mapping[Node, Sequence[Node]]) -> tuple[Node, ...]:
    """A shortest cycle in one strongly connected component, closed: `(a, b, a)`; empty if there is none.

    Among cycles of equal length, the one with the earliest start in `component` wins.
    """
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
    node = last
    while node != start:
        path.append(node)
        node = parents[node]
    return (start, *reversed(path[1:]), start)
