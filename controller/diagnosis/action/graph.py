"""Builds the execution graph of an action from its steps and reports what does not fit."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from controller.diagnosis.action.model import ActionNode
from controller.diagnosis.model import StepStatus
from controller.diagnosis.nested import shallow
from controller.diagnosis.statuses import status_of
from controller.diagnosis.variables import milliseconds, moment


@dataclass(frozen=True, slots=True)
class ActionGraph:
    """Nodes in topological order: parents come before their children. Ties keep the order of the answer."""

    nodes: tuple[ActionNode, ...]
    problems: tuple[str, ...] = ()
    """Defects of the answer: missing times, unknown parents, cycles, unreadable steps."""
    parsed: int = 0
    """Readable steps: objects with a node id."""
    expected: int = 0
    """Number of steps that the job announced; without an announcement, the number of steps received."""

    @property
    def accuracy(self) -> float:
        """Parsed steps divided by expected steps, from 0 to 1; 0 when none were expected and none were received."""
        return min(self.parsed / self.expected, 1.0) if self.expected else float(self.parsed > 0)

    @property
    def failed(self) -> tuple[ActionNode, ...]:
        return tuple(node for node in self.nodes if node.failed)

    @property
    def bottleneck(self) -> ActionNode | None:
        """The node with the longest latency, the first one among equals; None when no node has a latency."""
        longest = max(self.nodes, key=lambda node: (node.latency_ms, -node.order), default=None)
        return longest if longest is not None and longest.latency_ms > 0 else None

    def children(self) -> dict[str, list[ActionNode]]:
        """The children of each node by key, in topological order."""
        below: dict[str, list[ActionNode]] = {node.key: [] for node in self.nodes}
        for node in self.nodes:
            for parent in node.parents:
                below[parent].append(node)
        return below


def build_graph(steps: Sequence[object], *, expected: int | None = None) -> ActionGraph:
    """Build the graph of a finished job's steps. Steps that do not fit are kept and reported.

    A missing time gives a latency of zero. A parent that is not in the answer makes its child a root. A node id that
    occurs several times gives several nodes; as a parent, the id then means its latest occurrence before the child.
    """
    raw = [step if isinstance(step, Mapping) else {} for step in steps]
    problems = [f"step {place} is no object" for place, step in enumerate(steps) if not isinstance(step, Mapping)]
    keys = _keys(raw)
    nodes = [_node(step, place, key) for place, (step, key) in enumerate(zip(raw, keys, strict=True))]
    nodes = _joined(nodes, raw)
    nodes, cycles = _sorted(nodes)
    problems += [
        f"{node.key} {problem}" for node in sorted(nodes, key=lambda node: node.order) for problem in node.problems
    ]
    parsed = sum(bool(step.get("nodeId")) for step in raw)
    return ActionGraph(tuple(nodes), (*problems, *cycles), parsed, len(steps) if expected is None else expected)


def _keys(raw: Sequence[Mapping[str, object]]) -> list[str]:
    taken: set[str] = set()
    counts: dict[str, int] = {}
    keys = []
    for place, step in enumerate(raw):
        identity = str(step.get("nodeId") or f"(step {place})")
        key = identity
        while key in taken:
            counts[identity] = counts.get(identity, 1) + 1
            key = f"{identity}#{counts[identity]}"
        taken.add(key)
        keys.append(key)
    return keys


def _node(step: Mapping[str, object], place: int, key: str) -> ActionNode:
    start, end = moment(step.get("startTime")), moment(step.get("endTime"))
    latency = milliseconds(start, end)
    problems = [] if step.get("nodeId") else ["has no node id"]
    missing = [name for name, value in (("startTime", start), ("endTime", end)) if value is None]
    if missing:
        problems.append(f"has no readable {' and no readable '.join(missing)}: counted as no time")
    backwards = latency is not None and latency < 0
    if backwards:
        problems.append("ends before it starts: counted as no time")
    text = str(step.get("status") or "")
    status = status_of(text) if text else StepStatus.UNKNOWN
    if status is StepStatus.UNKNOWN:
        problems.append(f"has the unknown status {text!r}" if text else "has no status")
    return ActionNode(
        key=key,
        id=str(step.get("nodeId") or key),
        name=str(step.get("name") or ""),
        order=place,
        # Either time may be the wrong one, so neither may influence the critical path.
        start=None if backwards else start,
        end=None if backwards else end,
        latency_ms=max(latency or 0.0, 0.0),
        status=status,
        status_text=text,
        error=str(step["errorMessage"]) if step.get("errorMessage") else None,
        problems=tuple(problems),
        detail={str(name): shallow(value) for name, value in step.items()},
    )


def _joined(nodes: Sequence[ActionNode], raw: Sequence[Mapping[str, object]]) -> list[ActionNode]:
    """Give each node its parents' keys."""
    first: dict[str, str] = {}
    for node in nodes:
        first.setdefault(node.id, node.key)
    latest: dict[str, str] = {}
    joined = []
    for node, step in zip(nodes, raw, strict=True):
        parents, problems = [], list(node.problems)
        for parent in _parents(step):
            key = latest.get(parent) or first.get(parent)
            if key is None:
                problems.append(f"names the parent {parent!r}, which is not in the trace")
            elif key not in parents:
                parents.append(key)
        joined.append(replace(node, parents=tuple(parents), problems=tuple(problems)))
        latest[node.id] = node.key
    return joined


def _parents(step: Mapping[str, object]) -> Iterable[str]:
    value = step.get("parentId")
    values = value if isinstance(value, list) else [value]
    return [str(parent) for parent in values if parent not in (None, "")]


def _sorted(nodes: Sequence[ActionNode]) -> tuple[list[ActionNode], list[str]]:
    """Sort by Kahn's algorithm. A cycle is broken at its first remaining node, which becomes a root without parents."""
    by_key = {node.key: node for node in nodes}
    below: dict[str, list[str]] = {key: [] for key in by_key}
    waits = {node.key: len(node.parents) for node in nodes}
    for node in nodes:
        for parent in node.parents:
            below[parent].append(node.key)
    ready = [(node.order, node.key) for node in nodes if not waits[node.key]]
    left = iter(nodes)
    done: dict[str, ActionNode] = {}
    problems: list[str] = []
    while len(done) < len(nodes):
        if not ready:
            stuck = next(node for node in left if node.key not in done)
            problems.append(f"{stuck.key} is its own ancestor: it is shown as a root")
            by_key[stuck.key] = replace(stuck, parents=())
            ready.append((stuck.order, stuck.key))
        _, key = heapq.heappop(ready)
        if key in done:
            continue
        done[key] = by_key[key]
        for child in below[key]:
            waits[child] -= 1
            if waits[child] == 0 and child not in done:
                heapq.heappush(ready, (by_key[child].order, child))
    return list(done.values()), problems
