"""Builds graphs: of one organisation's manifests and live flows, of both compared, and of the nodes inside one flow."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from typing import TypeVar

from controller.domain.desired import DesiredFlow, Organization
from controller.domain.identity import FlowKey
from controller.domain.live import LiveState
from controller.domain.references import BINDING_TYPES, Resolution, ResourceReference
from controller.domain.status import Health
from controller.flows.nodes import NodeGraph
from controller.graphs.model import EDGE_ORDER, Edge, EdgeKind, Graph, Node, Presence, Unanswered
from controller.graphs.resolve import ReferenceCandidates, resolve


def organization_graph(
    organization: Organization, live: LiveState | None = None, *, health: Mapping[FlowKey, Health] | None = None
) -> Graph:
    """The flows of the manifests and, with a live state, every live flow with its version and status.

    Without a live state, references to flows outside the manifests count as missing. With one, managed flows that the
    organisation does not have are marked.
    """
    managed = {flow.key: flow for flow in organization.flows}
    state = live if live is not None else LiveState({}, observed_at=datetime.min.replace(tzinfo=UTC))
    edges = list(_declared(organization.flows))
    unanswered: list[Unanswered] = []
    for key, resolved in resolve(managed, state).items():
        _connect(key, resolved, edges, unanswered)
    nodes = (_node(key, state, managed, (health or {}).get(key)) for key in {*managed, *state.flows})
    if live is not None:
        nodes = (
            replace(node, presence=Presence.REPOSITORY) if node.managed and node.status is None else node
            for node in nodes
        )
    return ordered_graph(nodes, edges, unanswered)


def ordered_graph(nodes: Iterable[Node], edges: Iterable[Edge], unanswered: Iterable[Unanswered] = ()) -> Graph:
    """The graph of these parts, in order; of equal edges the first one."""
    in_order = sorted(nodes, key=lambda node: node.key)
    return Graph(tuple(in_order), tuple(_in_order(edges)), tuple(sorted(set(unanswered))))


def _in_order(edges: Iterable[Edge]) -> Iterator[Edge]:
    """Each edge once. Sorts the few edges of each consumer, which is faster than to sort all edges at once."""
    found: dict[str, list[Edge]] = defaultdict(list)
    for edge in edges:
        found[edge.consumer].append(edge)
    for consumer in sorted(found):
        for _, same in groupby(sorted(found[consumer], key=EDGE_ORDER), EDGE_ORDER):
            yield next(same)


def live_graph(organization: Organization, live: LiveState, *, health: Mapping[FlowKey, Health] | None = None) -> Graph:
    """The live flows and their references, without the repository's; `managed` says which flows a manifest names."""
    graph = organization_graph(replace(organization, flows=()), live, health=health)
    managed = {str(flow.key) for flow in organization.flows}
    return replace(graph, nodes=tuple(replace(node, managed=node.key in managed) for node in graph.nodes))


def _declared(flows: Iterable[DesiredFlow]) -> Iterator[Edge]:
    keys = {flow.id: str(flow.key) for flow in flows}
    for flow in flows:
        for id_ in flow.depends_on:
            if id_ in keys:
                yield Edge(str(flow.key), keys[id_], EdgeKind.DEPENDS_ON)


def _connect(
    key: FlowKey, resolved: Iterable[ReferenceCandidates], edges: list[Edge], unanswered: list[Unanswered]
) -> None:
    for each in resolved:
        reference = each.reference
        if each.candidates:
            [callee, *_] = each.candidates
            binds = reference.binds_at_publish or callee.type in BINDING_TYPES
            edges.append(Edge(str(key), str(callee), EdgeKind.BINDS if binds else EdgeKind.REFERENCES))
        else:
            unanswered.append(
                Unanswered(str(key), reference.name, reference.types, reference.path, reference.resolution)
            )


def _node(key: FlowKey, live: LiveState, managed: Mapping[FlowKey, DesiredFlow], health: Health | None) -> Node:
    found = live.flows.get(key)
    return Node(
        key=str(key),
        name=key.name,
        type=key.type,
        version=(found.published_version or found.checked_in_version) if found else None,
        status=found.status if found else None,
        health=health,
        managed=key in managed,
    )


def inside_graph(content: NodeGraph, *, ids: bool = False) -> Graph:
    """Actions, tasks, menus and states, with edges to their successors; `ids` says that those have ids of their own."""
    # An unnamed node is shown by the end of its path.
    nodes = {
        node.id: Node(node.id, node.name or ".".join(node.node.split(".")[-2:]), node.type) for node in content.nodes
    }
    edges = (
        Edge(edge.source, edge.target, EdgeKind.TRANSITION, edge.condition, id=edge.id if ids else "")
        for edge in content.edges
    )
    return ordered_graph(nodes.values(), edges)


def with_resources(
    graph: Graph, resources: Mapping[str, Iterable[ResourceReference]], missing: Iterable[Unanswered] = ()
) -> Graph:
    """The graph with the queues, data actions and prompts that each flow (by key) uses; uses decided at run time are
    unresolvable. A `missing` resource has no node."""
    nodes = {node.key: node for node in graph.nodes}
    lost = {(item.consumer, item.types, item.name) for item in missing}
    edges, unanswered = list(graph.edges), [*graph.unanswered, *missing]
    for consumer, used in resources.items():
        for resource in used:
            kinds = (resource.kind,)
            if resource.resolution is not Resolution.STATIC:
                unanswered.append(Unanswered(consumer, resource.name, kinds, resource.path, resource.resolution))
            elif (consumer, kinds, resource.name) not in lost:
                key = f"{resource.kind}/{resource.name}"
                nodes.setdefault(key, Node(key, resource.name, resource.kind, managed=False, resource=True))
                edges.append(Edge(consumer, key))
    return ordered_graph(nodes.values(), edges, unanswered)


Item = TypeVar("Item", Edge, Unanswered)


def merged(repository: Graph, live: Graph) -> Graph:
    """The union of both graphs, marked with the side that has each part.

    If both sides have an edge, the repository's version of it counts. Edges that manifests declare are not marked,
    because the organisation has no counterpart.
    """
    edges: Iterator[Edge] = _union(repository.edges, live.edges, _edge_identity)
    edges = (replace(edge, presence=None) if edge.kind is EdgeKind.DEPENDS_ON else edge for edge in edges)
    unanswered = _union(repository.unanswered, live.unanswered, lambda item: (item.consumer, item.name, item.types))
    return ordered_graph(_nodes(repository, live), edges, unanswered)


def _nodes(repository: Graph, live: Graph) -> Iterator[Node]:
    wanted = {node.key: node for node in repository.nodes if node.managed or node.resource}
    live_nodes = {node.key: node for node in live.nodes}
    for key, node in wanted.items():
        presence = Presence.BOTH if key in live_nodes else Presence.REPOSITORY
        yield replace(live_nodes.get(key, node), managed=node.managed, presence=presence)
    for key, node in live_nodes.items():
        if key not in wanted:
            yield replace(node, presence=Presence.LIVE)


def _edge_identity(edge: Edge) -> Hashable:
    """The identity of an edge. It ignores the difference between reference and binding, which only a file shows."""
    return edge.consumer, edge.consumed, edge.kind is EdgeKind.DEPENDS_ON, edge.label


def _union(repository: Iterable[Item], live: Iterable[Item], identity: Callable[[Item], Hashable]) -> Iterator[Item]:
    wanted = {identity(item): item for item in repository}
    live_items = {identity(item): item for item in live}
    for known, item in wanted.items():
        yield replace(item, presence=Presence.BOTH if known in live_items else Presence.REPOSITORY)
    for known, item in live_items.items():
        if known not in wanted:
            yield replace(item, presence=Presence.LIVE)
