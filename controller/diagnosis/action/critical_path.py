"""The critical path: the chain of nodes that determined when the action ended.

Definition. Start at the root with the latest subtree end. Descend to the child with the latest subtree end until a node
has no child: the path ends there. Walk back from that node to the parent that ended last until a node has no parent,
because a join waits for its slowest branch. Ties go to the node that comes first in the answer.

Nodes may overlap, and a child may run inside its parent or after it. Each moment counts once, for the deepest node of
the path that ran then: that is the node's own time. The length of the path is the sum of own times, which equals the
time that its nodes cover on the clock. The gaps between nodes are waiting and are reported separately:
`span = length + wait`.

Nodes without times add nothing, but a path can lead through them. As a branch, such a node counts as ended when the
last node above it ended. The cost is linear in the graph, and n log n in the length of the path.
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
    """Time during which this node ran and no deeper node of the path did."""


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
    """The nodes of the path, from the root down."""
    by_key, reached = {node.key: node for node in graph.nodes}, _reached(graph)
    node = _last(graph)
    chain = [] if node is None else [node]
    while chain and chain[-1].parents:
        parents = (by_key[key] for key in chain[-1].parents)
        chain.append(max(parents, key=lambda each: (reached[each.key], -each.order)))
    return chain[::-1]


def _last(graph: ActionGraph) -> ActionNode | None:
    """The last node of the path; None for a graph without nodes."""
    children = graph.children()
    subtree: dict[str, float] = {}
    for each in reversed(graph.nodes):
        subtree[each.key] = max([_end(each), *(subtree[child.key] for child in children[each.key])])

    def latest(nodes: Iterable[ActionNode]) -> ActionNode | None:
        return max(nodes, key=lambda each: (subtree[each.key], -each.order), default=None)

    last = latest(root for root in graph.nodes if not root.parents)
    while last is not None and children[last.key]:
        last = latest(children[last.key])
    return last


def _reached(graph: ActionGraph) -> dict[str, float]:
    """The end of each node by key. A node without times gets the latest end among its ancestors."""
    reached: dict[str, float] = {}
    for node in graph.nodes:
        above = [reached[key] for key in node.parents]
        reached[node.key] = _end(node) if node.timed else max(above, default=_NEVER)
    return reached


def _end(node: ActionNode) -> float:
    return node.end.timestamp() if node.start and node.end else _NEVER


def _interval(node: ActionNode, origin: datetime | None) -> tuple[float, float] | None:
    start, end = milliseconds(origin, node.start), milliseconds(origin, node.end)
    return None if start is None or end is None else (start, end)


def own_times(intervals: Sequence[tuple[float, float] | None]) -> list[float]:
    """For each interval (ordered from the root down), the time during which it is the deepest one that runs."""
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
