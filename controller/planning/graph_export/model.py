"""A graph as a value: nodes and edges from consumer to consumed, sorted, with what could not be answered."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from controller.domain.references import Resolution
from controller.domain.status import Health


class EdgeKind(StrEnum):
    REFERENCES = "references"
    """The content names it: a call, a transfer, a hand-over."""
    BINDS = "binds"
    """The consumer keeps the version of the moment it was published."""
    DEPENDS_ON = "depends-on"
    """Declared in a manifest."""
    TRANSITION = "transition"
    """From one node inside a flow to another."""


@dataclass(frozen=True, slots=True, order=True)
class Node:
    key: str
    """Unique: `type/name` for a flow, `flow_id:node_id` for a node inside one."""
    name: str
    type: str
    version: str | None = None
    """The live version."""
    status: str | None = None
    """`draft`, `published`, `deployed` or `archived`; None where the organisation does not have it."""
    health: Health | None = None
    managed: bool = True
    """Whether a manifest names it."""


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    consumer: str
    consumed: str
    kind: EdgeKind = EdgeKind.REFERENCES


@dataclass(frozen=True, slots=True, order=True)
class Unanswered:
    """A reference that leads to no node. With a static name it is missing, otherwise it cannot be told."""

    consumer: str
    name: str
    """The name, or the expression."""
    types: tuple[str, ...]
    path: str
    resolution: Resolution = Resolution.STATIC


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes in order of key, edges in order of their ends, without duplicates. Edges lead only to nodes."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...] = ()
    unanswered: tuple[Unanswered, ...] = ()

    def consumed(self) -> dict[str, list[str]]:
        """For each key the keys that it consumes, in order, each once."""
        return self._neighbours([(edge.consumer, edge.consumed) for edge in self.edges])

    def consumers(self) -> dict[str, list[str]]:
        """For each key the keys that consume it, in order, each once."""
        return self._neighbours(sorted((edge.consumed, edge.consumer) for edge in self.edges))

    def _neighbours(self, pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
        found: dict[str, dict[str, None]] = {node.key: {} for node in self.nodes}
        for near, far in pairs:
            found[near][far] = None
        return {key: list(neighbours) for key, neighbours in found.items()}
