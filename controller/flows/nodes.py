"""The graph inside one flow: nodes and their successors, from either dialect. No content is dropped silently."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class FlowNode:
    """One node of a flow: an action, a task, a menu, a state, or the flow itself as the start."""

    flow: str
    """The id of the flow, or its `type/name` if it has none."""
    node: str
    """The id within the flow: from the definition, or the path in an Archy file."""
    type: str
    name: str

    @property
    def id(self) -> str:
        """Unique over all flows: `flow:node`."""
        return f"{self.flow}:{self.node}"


@dataclass(frozen=True, slots=True, order=True)
class NodeEdge:
    """One edge from a node to another, both by `FlowNode.id`."""

    id: str
    source: str
    target: str
    condition: str = ""
    """The output that leads there (`yes`, `case 2`) or the definition's condition; empty if unconditional."""


@dataclass(frozen=True, slots=True, order=True)
class NodeProblem:
    """A part of a flow's content that is no proper node or edge."""

    code: str
    """`unknown-node`, `malformed-node`, `malformed-transition`, `duplicate-transition` or `unknown-target`."""
    where: str
    """The node, transition or path that has the problem."""
    message: str


@dataclass(frozen=True, slots=True)
class NodeGraph:
    """Nodes and edges in the order of the content."""

    nodes: tuple[FlowNode, ...] = ()
    edges: tuple[NodeEdge, ...] = ()
    problems: tuple[NodeProblem, ...] = ()


def definition_graph(definition: Mapping[str, object], flow: str) -> NodeGraph:
    """The graph of a versioned definition: `nodes` by id, `transitions` as a list.

    A transition from or to an unknown node becomes a problem, as does malformed content.
    """
    problems: list[NodeProblem] = []
    nodes = {node.node: node for node in _nodes(definition.get("nodes"), flow, problems)}
    edges: list[NodeEdge] = []
    seen: set[str] = set()
    for label, transition in _transitions(definition.get("transitions"), problems):
        if label in seen:
            problems.append(NodeProblem("duplicate-transition", label, f"several transitions have the id {label!r}"))
        seen.add(label)
        edge = _edge(label, transition, nodes, flow, problems)
        if edge is not None:
            edges.append(edge)
    return NodeGraph(tuple(nodes.values()), tuple(edges), tuple(problems))


def _nodes(nodes: object, flow: str, problems: list[NodeProblem]) -> Iterator[FlowNode]:
    if nodes is None:
        return
    if not isinstance(nodes, Mapping):
        problems.append(NodeProblem("malformed-node", "nodes", "'nodes' is not a mapping from id to node"))
        return
    for key, node in nodes.items():
        if not isinstance(node, Mapping):
            problems.append(NodeProblem("malformed-node", str(key), f"node {key!r} is not a mapping"))
        said = node if isinstance(node, Mapping) else {}
        yield FlowNode(flow, str(key), _text(said.get("type"), "unknown"), _text(said.get("name"), ""))


def _transitions(transitions: object, problems: list[NodeProblem]) -> Iterator[tuple[str, Mapping[str, object]]]:
    if transitions is None:
        return
    if not isinstance(transitions, list | tuple):
        problems.append(NodeProblem("malformed-transition", "transitions", "'transitions' is not a list"))
        return
    for index, transition in enumerate(transitions):
        label = f"transitions[{index}]"
        if isinstance(transition, Mapping):
            yield _text(transition.get("id"), label), transition
        else:
            problems.append(NodeProblem("malformed-transition", label, f"{label} is not a mapping"))


def _edge(
    label: str, transition: Mapping[str, object], nodes: Mapping[str, FlowNode], flow: str, problems: list[NodeProblem]
) -> NodeEdge | None:
    ends = {end: transition.get(end) for end in ("from", "to")}
    for end, node in ends.items():
        if node is None:
            message = f"transition {label!r} does not say where it leads {end}"
            problems.append(NodeProblem("malformed-transition", label, message))
            return None
    unknown = [(end, str(node)) for end, node in ends.items() if str(node) not in nodes]
    for end, node in unknown:
        message = f"transition {label!r} leads {end} {node!r}, which is not a node of flow {flow!r}"
        problems.append(NodeProblem("unknown-node", label, message))
    if unknown:
        return None
    condition = _text(transition.get("condition"), "")
    return NodeEdge(label, nodes[str(ends["from"])].id, nodes[str(ends["to"])].id, condition)


def _text(value: object, default: str) -> str:
    return default if value is None else str(value)
