"""The critical path: the chain of nodes that decided when the action ended.

Definition. From the root whose subtree ends last, go to the child whose subtree ends last, until there is no child; of
equals the one that stands first in the answer. Nodes may overlap, a child may run inside its parent or after it. Each
moment counts once and belongs to the deepest node of the path that ran then: that is a node's own time. The path's
length is the sum of own times, which equals the time that its nodes cover on the clock. What lies between them is
waiting, reported apart: `span = length + wait`.

Nodes without times end never and count nothing, but a path can lead through them. Linear in the graph, and
n log n in the path's length.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from controller.diagnosis.action.graph import ActionGraph
from controller.diagnosis.action.model import ActionNode
from controller.diagnosis.variables import milliseconds

_NEVER = float("-inf")


@dataclass(frozen=True, slots=True)
class PathNode:
    node: ActionNode
    own_ms: float
    """The time that counts for this node and for none below it on the path."""


@dataclass(frozen=True, slots=True)
class CriticalPath:
    nodes: tuple[PathNode, ...] = ()
    length_ms: float = 0.0
    """The time that the path's nodes cover, overlaps counted once."""
    span_ms: float = 0.0
    """From the first start on the path to its last end."""

    @property
    def wait_ms(self) -> float:
        """The part of the span in which none of the path's nodes ran."""
        return max(self.span_ms - self.length_ms, 0.0)

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(step.node.key for step in self.nodes)


def critical_path(graph: ActionGraph) -> CriticalPath:
    """The critical path of a graph; empty for a graph without nodes."""
    chain = _chain(graph)
    # Times relative to the first start keep fractions of a millisecond exact.
    origin = min((node.start for node in chain if node.start and node.end), default=None)
    intervals = [_interval(node, origin) for node in chain]
    own = own_times(intervals)
    span = max((interval[1] for interval in intervals if interval), default=0.0)
    return CriticalPath(tuple(map(PathNode, chain, own)), sum(own), span)


def _chain(graph: ActionGraph) -> list[ActionNode]:
    children = graph.children()
    ends: dict[str, float] = {}
    for each in reversed(graph.nodes):
        own_end = each.end.timestamp() if each.start and each.end else _NEVER
        ends[each.key] = max([own_end, *(ends[child.key] for child in children[each.key])])

    def latest(nodes: Iterable[ActionNode]) -> ActionNode | None:
        return max(nodes, key=lambda each: (ends[each.key], -each.order), default=None)

    chain = []
    node: ActionNode | None = latest(root for root in graph.nodes if not root.parents)
    while node is not None:
        chain.append(node)
        node = latest(children[node.key])
    return chain


def _interval(node: ActionNode, origin: datetime | None) -> tuple[float, float] | None:
    start, end = milliseconds(origin, node.start), milliseconds(origin, node.end)
    return None if start is None or end is None else (start, end)


def own_times(intervals: Sequence[tuple[float, float] | None]) -> list[float]:
    """For intervals from the root down, the time during which each is the deepest one that runs."""
    own = [0.0] * len(intervals)
    edges = [
        (moment, place, opens)
        for place, interval in enumerate(intervals)
        if interval is not None
        for moment, opens in ((interval[0], True), (interval[1], False))
    ]
    edges.sort()
    running: list[int] = []
    ended: set[int] = set()
    before = 0.0
    for moment, place, opens in edges:
        while running and -running[0] in ended:
            heapq.heappop(running)
        if running:
            own[-running[0]] += moment - before
        before = moment
        if opens:
            heapq.heappush(running, -place)
        else:
            ended.add(place)
    return own
