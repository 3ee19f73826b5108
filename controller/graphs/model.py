"""A graph as a value: sorted nodes, edges from consumer to consumed, and unresolved references."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from operator import attrgetter

from controller.domain.references import Resolution
from controller.domain.status import Health


class EdgeKind(StrEnum):
    REFERENCES = "references"
    """The content refers to it: a call, a transfer, a hand-over."""
    BINDS = "binds"
    """The consumer keeps the version that was live when the consumer was published."""
    DEPENDS_ON = "depends-on"
    """Declared in a manifest."""
    TRANSITION = "transition"
    """A transition between two nodes inside a flow."""


class Presence(StrEnum):
    """The side that has a node or an edge, in a graph that compares the repository with the organisation."""

    BOTH = "both"
    REPOSITORY = "repository"
    """Only the repository has it."""
    LIVE = "live"
    """Only the organisation has it."""


@dataclass(frozen=True, slots=True, order=True)
class Node:
    key: str
    """Unique: `type/name` for a flow, `kind/name` for a resource, `flow_id:node_id` for a node inside a flow."""
    name: str
    type: str
    version: str | None = None
    """The live version; without one, the newest version where the dialect tells its status."""
    status: str | None = None
    """`draft`, `published`, `deployed` or `archived`; None if the organisation does not have the flow."""
    health: Health | None = None
    managed: bool = True
    """Whether a manifest describes it."""
    resource: bool = False
    """Whether it is a resource and not a flow: a queue, a data action, a prompt. Resources consume nothing."""
    presence: Presence | None = field(default=None, compare=False)
    """None where nothing was compared."""


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    consumer: str
    consumed: str
    kind: EdgeKind = EdgeKind.REFERENCES
    label: str = ""
    """Inside a flow: the output that the transition takes (`yes`); empty for an unconditional one."""
    presence: Presence | None = field(default=None, compare=False)
    """None without a comparison, or if only one side can have it."""
    id: str = ""
    """Inside a flow: the organisation's id of the transition, if there is one."""


EDGE_ORDER: Callable[[Edge], tuple[str, ...]] = attrgetter("consumer", "consumed", "kind", "label", "id")
"""The order of edges, and what two equal edges share, as `Edge` itself compares; a sort by it is ten times as fast."""


@dataclass(frozen=True, slots=True, order=True)
class Unanswered:
    """A reference without a node. A static name is missing; any other is decided at run time or unknown."""

    consumer: str
    name: str
    """The name, or the expression."""
    types: tuple[str, ...]
    path: str
    resolution: Resolution = Resolution.STATIC
    presence: Presence | None = field(default=None, compare=False)
    """None where nothing was compared."""
    origin: str | None = field(default=None, compare=False)
    """`flows/a.yaml:3:9` for a resource that a flow file names."""
    close: str | None = field(default=None, compare=False)
    """The name in the organisation that is probably meant."""


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes in order of key and edges in order of their ends, without duplicates. Edges lead only to nodes."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...] = ()
    unanswered: tuple[Unanswered, ...] = ()

    def flows(self) -> Graph:
        """The graph without its resources."""
        if not any(node.resource for node in self.nodes):
            return self
        return self.part(node.key for node in self.nodes if not node.resource)

    def part(self, keys: Iterable[str]) -> Graph:
        """The nodes with these keys, and the edges between them."""
        kept = frozenset(keys)
        return Graph(
            tuple(node for node in self.nodes if node.key in kept),
            tuple(edge for edge in self.edges if edge.consumer in kept and edge.consumed in kept),
            tuple(item for item in self.unanswered if item.consumer in kept),
        )

    def reversed(self) -> Graph:
        """The graph with every edge reversed."""
        turned = (replace(edge, consumer=edge.consumed, consumed=edge.consumer) for edge in self.edges)
        return Graph(self.nodes, tuple(sorted(turned, key=EDGE_ORDER)), self.unanswered)

    def consumed(self) -> dict[str, list[str]]:
        """The consumed keys of each key, in order, each once."""
        return self._neighbours((edge.consumer, edge.consumed) for edge in self.edges)

    def consumers(self) -> dict[str, list[str]]:
        """The consumers of each key, in order, each once."""
        return self._neighbours((edge.consumed, edge.consumer) for edge in self.edges)

    def before(self) -> dict[str, list[str]]:
        """For each key the nodes before it: those that it consumes, and inside a flow those that lead to it."""
        turned = EdgeKind.TRANSITION
        return self._neighbours(
            (edge.consumed, edge.consumer) if edge.kind is turned else (edge.consumer, edge.consumed)
            for edge in self.edges
        )

    def _neighbours(self, pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {node.key: [] for node in self.nodes}
        for near, far in pairs:
            found[near].append(far)
        return {key: sorted(set(neighbours)) for key, neighbours in found.items()}
