"""A dependency graph as a document: `penstock.graph/v1`. A field is never renamed within a version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from controller.domain.documents import filled, optional
from controller.domain.references import Resolution
from controller.domain.status import Health
from controller.graphs.model import Edge, EdgeKind, Graph, Node, Presence, Unanswered
from controller.graphs.questions import cycles, missing, orphans, sequence

UNCONDITIONAL = "unconditional"
"""The condition of an unconditional transition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphNodeDocument:
    """A node."""

    key: str
    """Unique: `type/name`; for a resource `kind/name`, for a node inside a flow `flow:node`, where `flow` is the id of
    a live flow of the versioned dialect."""
    type: str
    """The flow's type; for a resource its kind, for a node inside a flow the action."""
    name: str
    """The flow's name."""
    version: str | None
    """The version that is live."""
    status: str | None
    """`draft`, `published`, `deployed` or `archived`; null where the organisation does not have the flow, or was not
    asked."""
    health: Health | None
    """The flow's health; null where it was not read."""
    managed: bool
    """Whether a manifest names it."""
    resource: bool
    """Whether it is no flow: a queue, a data action, a prompt (`--resources`)."""
    presence: Presence | None
    """Where it is, with `--from both`; otherwise null, save `repository` for a managed flow that the organisation does
    not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeDocument:
    """An edge."""

    consumer: str
    """The key of the flow that refers."""
    consumed: str
    """The key of the flow that is referred to."""
    kind: EdgeKind
    """`references`, `binds` (the consumer keeps the version of the moment it was published), `depends-on` (declared in
    a manifest) or `transition` (between nodes inside a flow)."""
    label: str
    """Inside a flow the output that leads there, such as `yes`; empty otherwise."""
    transition_id: str | None
    """The organisation's id of a transition; null where it has none."""
    condition: str | None
    """Of a transition the output that leads there, or `unconditional`; null for every other edge."""
    presence: Presence | None
    """As for a node; null for `depends-on`, which an organisation does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnansweredDocument:
    """A reference without an answer."""

    consumer: str
    """The key of the flow that refers."""
    name: str
    """The name as written, or the expression."""
    types: Sequence[str]
    """The types it can have, most likely first; empty when the content does not limit it."""
    path: str
    """Its place in the flow."""
    resolution: Resolution
    """Whether the name is written there, decided at run time, or of a kind that is not known."""
    presence: Presence | None
    """As for a node."""
    origin: str | None = optional()
    """File, line and column, of a missing resource that a flow file names."""
    close: str | None = optional()
    """The name that is probably meant, of a missing resource."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpactDocument:
    """A flow that a change reaches."""

    key: str
    """The flow's key."""
    distance: int
    """How many edges it is away; 1 for direct consumers."""
    path: Sequence[str]
    """A shortest chain of keys from the changed flow to this one, both included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompatibilityDocument:
    """Whether a flow is compatible."""

    flow: str
    """`metadata.name`; for a flow without a manifest `type/name`, with the id if several flows share it."""
    type: str
    """The flow's type."""
    name: str
    """The flow's name."""
    version: str | None
    """The version that is live, else the newest one."""
    status: str | None
    """Its status; null where the organisation does not have the flow."""
    target_version: str | None
    """The version that has to be live; null where any will do."""
    compatible: bool
    """Whether there is no problem."""
    problems: Sequence[str]
    """Why it is not compatible."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexDocument:
    """The dependency index."""

    status: str
    """`OPERATIONAL`, or a state in which the index is unreliable."""
    stale: bool
    """Whether it is unreliable, or an answer was incomplete."""
    only_index: Sequence[tuple[str, str]]
    """Pairs of consumer and consumed flow that only the index has."""
    only_content: Sequence[tuple[str, str]]
    """Pairs that only the content of versions has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphDocument:
    """`penstock graph --format json`: who consumes whom."""

    schema: Literal["penstock.graph/v1"] = "penstock.graph/v1"
    nodes: Sequence[GraphNodeDocument]
    """In order of `key`."""
    edges: Sequence[EdgeDocument]
    """In order of `consumer` and `consumed`."""
    waves: Sequence[Sequence[str]]
    """The deployment sequence, by keys: nothing consumes a flow of a later wave, and the members of a cycle are in one
    wave; inside flows a node comes after the nodes that lead to it."""
    cycles: Sequence[Sequence[str]]
    """One shortest cycle of keys for each strongly connected component, closed; a flow that refers to itself is
    `[a, a]`."""
    orphans: Sequence[str]
    """The keys that no other flow consumes: entry points and leftovers alike."""
    missing: Sequence[UnansweredDocument]
    """References by name that neither the manifests nor the organisation can answer; with `--resources` and an
    organisation also the resources that it lacks, with the kind in `types`."""
    unresolvable: Sequence[UnansweredDocument]
    """References that are decided at run time, or of a kind that is not known."""
    organization: str
    """The organisation of the graph."""
    from_: str
    """`repository`, `live` or `both`."""
    flow: str | None = optional()
    """With `--nodes` the flow as `type/name`, with `--all-nodes` `all flows`."""
    version: str | None = optional(beside="flow")
    """With `--nodes` the version that was read; null for a file and for all flows."""
    changed: Sequence[str] | None = optional()
    """With `--impact`: the keys that it starts from."""
    impact: Sequence[ImpactDocument] | None = optional()
    """With `--impact`: all that they reach, nearest first."""
    compatibility: Sequence[CompatibilityDocument] | None = optional()
    """With `--compat`: the verdict on each flow."""
    index: IndexDocument | None = optional()
    """With `--verify-index`: how it differs from the versions."""
    warnings: Sequence[str]
    """The places that could not be read or resolved."""


def graph_document(graph: Graph, **about: Any) -> GraphDocument:
    """The document of a graph; `about` holds the fields that the graph itself cannot tell, `from_` among them."""
    order = sequence(graph.flows())
    return GraphDocument(
        nodes=[_node(node) for node in graph.nodes],
        edges=[_edge(edge) for edge in graph.edges],
        waves=order,
        cycles=cycles(graph, order),
        orphans=[node.key for node in orphans(graph)],
        missing=[_unanswered(item) for item in missing(graph)],
        unresolvable=[_unanswered(item) for item in graph.unanswered if item.resolution is not Resolution.STATIC],
        **about,
    )


def _node(node: Node) -> GraphNodeDocument:
    # Written out: `filled` looks each field up by its name, and a graph can have a million of them.
    return GraphNodeDocument(
        key=node.key,
        type=node.type,
        name=node.name,
        version=node.version,
        status=node.status,
        health=node.health,
        managed=node.managed,
        resource=node.resource,
        presence=node.presence,
    )


def _edge(edge: Edge) -> EdgeDocument:
    return EdgeDocument(
        consumer=edge.consumer,
        consumed=edge.consumed,
        kind=edge.kind,
        label=edge.label,
        transition_id=edge.id or None,
        condition=(edge.label or UNCONDITIONAL) if edge.kind is EdgeKind.TRANSITION else None,
        presence=edge.presence,
    )


def _unanswered(item: Unanswered) -> UnansweredDocument:
    return filled(UnansweredDocument, item, origin=item.origin, close=item.close)
