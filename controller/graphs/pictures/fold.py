"""Which edges of a graph a picture draws: the fan-ins of busy nodes are folded, nodes without edges go to a block.

Thirty lines into one box are unreadable, and push everything else apart. So an edge into a busy node is written into
the consumer's box instead. Consumers that have no other edge stand in one block beside the busy node.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from controller.graphs.model import Edge, Graph, Node

MANY = 10
"""A node with more consumers than this is busy."""


@dataclass(frozen=True, slots=True)
class Block:
    """Nodes that are drawn as one table, in order of key."""

    nodes: tuple[Node, ...]
    target: str | None = None
    """The busy node that all of them consume; None for nodes without edges."""


@dataclass(frozen=True, slots=True)
class FoldedGraph:
    """What to draw; every node of the graph is in `nodes` or in one block."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    blocks: tuple[Block, ...]
    written: Mapping[str, tuple[Edge, ...]]
    """By consumer, the edges that its box names instead of a line."""
    consumers: Mapping[str, int]
    """How many nodes consume each busy node."""


def fold(graph: Graph) -> FoldedGraph:
    """Fold every fan-in of more than `MANY` nodes. Linear in the graph, apart from sorting."""
    counts = {key: len(set(consumers) - {key}) for key, consumers in graph.consumers().items()}
    busy = {key: count for key, count in counts.items() if count > MANY}
    drawn = [e for e in graph.edges if e.consumed not in busy or e.consumer in busy]
    folded = [e for e in graph.edges if e.consumed in busy and e.consumer not in busy]
    fixed = {key for edge in drawn for key in (edge.consumer, edge.consumed)} | busy.keys()
    beside: dict[str, str] = {}
    for edge in folded:
        if edge.consumer not in fixed:
            # The least busy target, so that a flow stands with those that it has most in common with.
            known = beside.get(edge.consumer, edge.consumed)
            beside[edge.consumer] = min(known, edge.consumed, key=lambda key: (busy[key], key))
    written: dict[str, tuple[Edge, ...]] = {}
    for edge in folded:
        if beside.get(edge.consumer) != edge.consumed:
            written[edge.consumer] = (*written.get(edge.consumer, ()), edge)
    loose = {node.key for node in graph.nodes} - fixed - beside.keys() - written.keys()
    nodes = tuple(node for node in graph.nodes if node.key not in beside and node.key not in loose)
    return FoldedGraph(nodes, tuple(drawn), _blocks(graph, beside, loose), written, busy)


def _blocks(graph: Graph, beside: Mapping[str, str], loose: set[str]) -> tuple[Block, ...]:
    members: dict[str, list[Node]] = {}
    for node in graph.nodes:
        if node.key in beside:
            members.setdefault(beside[node.key], []).append(node)
    blocks = [Block(tuple(nodes), target) for target, nodes in sorted(members.items())]
    alone = tuple(node for node in graph.nodes if node.key in loose)
    return (*blocks, Block(alone)) if alone else tuple(blocks)
