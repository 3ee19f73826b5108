"""Strongly connected components and one short cycle of each, in linear time.

Elementary cycles are never enumerated: a handful of flows that transfer to each other have thousands of them.
Source: R. Tarjan, "Depth-first search and linear graph algorithms", SIAM J. Comput. 1 (1972), made iterative.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)

CYCLE_SEARCH_BUDGET = 2_000_000
"""Edges looked at while searching one component for its shortest cycle; beyond it the shortest found so far counts."""


def strongly_connected(nodes: Sequence[Node], successors: Mapping[Node, Sequence[Node]]) -> list[tuple[Node, ...]]:
    """The components with everything that a component points to before it; members in the order of `nodes`.

    Successors that are not among `nodes` are ignored. The answer depends only on the order of the arguments.
    """
    number = {node: index for index, node in enumerate(nodes)}
    edges = [[number[child] for child in successors.get(node, ()) if child in number] for node in nodes]
    return [tuple(nodes[index] for index in sorted(component)) for component in _Search(edges).run()]


class _Search:
    """One depth-first search over nodes that are numbered from 0."""

    def __init__(self, edges: list[list[int]]) -> None:
        self._edges = edges
        self._index = [-1] * len(edges)
        self._low = [0] * len(edges)
        self._open = bytearray(len(edges))
        self._stack: list[int] = []
        self._count = 0
        self._found: list[list[int]] = []

    def run(self) -> list[list[int]]:
        for root in range(len(self._edges)):
            if self._index[root] < 0:
                self._visit(root)
        return self._found

    def _visit(self, root: int) -> None:
        path = [(root, self._enter(root))]
        while path:
            node, rest = path[-1]
            child = self._unvisited(node, rest)
            if child is not None:
                path.append((child, self._enter(child)))
                continue
            path.pop()
            if path:
                parent = path[-1][0]
                self._low[parent] = min(self._low[parent], self._low[node])
            if self._low[node] == self._index[node]:
                self._close(node)

    def _enter(self, node: int) -> Iterator[int]:
        self._index[node] = self._low[node] = self._count
        self._count += 1
        self._stack.append(node)
        self._open[node] = 1
        return iter(self._edges[node])

    def _unvisited(self, node: int, rest: Iterator[int]) -> int | None:
        for child in rest:
            if self._index[child] < 0:
                return child
            if self._open[child]:
                self._low[node] = min(self._low[node], self._index[child])
        return None

    def _close(self, root: int) -> None:
        component: list[int] = []
        while not component or component[-1] != root:
            component.append(self._stack.pop())
            self._open[component[-1]] = 0
        self._found.append(component)


def shortest_cycle(component: Sequence[Node], successors: Mapping[Node, Sequence[Node]]) -> tuple[Node, ...]:
    """A shortest cycle inside one strongly connected component, closed: `(a, b, a)`; empty where there is none.

    Among cycles of the same length the one counts whose start comes first in `component`.
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
    """The shortest cycle through `start` of at most `limit` edges, by breadth-first search, and the edges looked at."""
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
