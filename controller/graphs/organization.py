"""The graph of one organisation: what its manifests name, and what is live beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from controller.domain.desired import DesiredFlow, Organization
from controller.domain.identity import FlowKey
from controller.domain.live import LiveState
from controller.domain.references import BINDING_TYPES
from controller.domain.status import Health
from controller.graphs.model import Edge, EdgeKind, Graph, Node, Presence, Unanswered
from controller.graphs.resolve import Resolved, resolve


def organization_graph(
    organization: Organization,
    live: LiveState | None = None,
    *,
    health: Mapping[FlowKey, Health] | None = None,
) -> Graph:
    """The flows of the manifests and, with a live state, every live flow with its version and status.

    Without a live state, references to flows that no manifest names are missing: nobody was asked about them. With
    one, flows of the manifests that the organisation does not have are marked.
    """
    managed = {flow.key: flow for flow in organization.flows}
    seen = live if live is not None else LiveState({}, observed_at=datetime.min.replace(tzinfo=UTC))
    edges = set(_declared(organization.flows))
    unanswered: set[Unanswered] = set()
    for key, resolved in resolve(managed, seen).items():
        _connect(key, resolved, edges, unanswered)
    nodes = (_node(key, seen, managed, (health or {}).get(key)) for key in {*managed, *seen.flows})
    if live is not None:
        nodes = (replace(node, presence=_absent(node)) for node in nodes)
    return Graph(tuple(sorted(nodes, key=lambda node: node.key)), tuple(sorted(edges)), tuple(sorted(unanswered)))


def live_graph(organization: Organization, live: LiveState, *, health: Mapping[FlowKey, Health] | None = None) -> Graph:
    """What is live and how it refers to each other, whatever the repository says; `managed` is still told."""
    graph = organization_graph(replace(organization, flows=()), live, health=health)
    managed = {str(flow.key) for flow in organization.flows}
    return replace(graph, nodes=tuple(replace(node, managed=node.key in managed) for node in graph.nodes))


def _absent(node: Node) -> Presence | None:
    return Presence.REPOSITORY if node.managed and node.status is None else None


def _declared(flows: Iterable[DesiredFlow]) -> Iterator[Edge]:
    keys = {flow.id: str(flow.key) for flow in flows}
    for flow in flows:
        for id_ in flow.depends_on:
            if id_ in keys:
                yield Edge(str(flow.key), keys[id_], EdgeKind.DEPENDS_ON)


def _connect(key: FlowKey, resolved: Iterable[Resolved], edges: set[Edge], unanswered: set[Unanswered]) -> None:
    for each in resolved:
        reference = each.reference
        if each.candidates:
            [callee, *_] = each.candidates
            binds = reference.binds_at_publish or callee.type in BINDING_TYPES
            edges.add(Edge(str(key), str(callee), EdgeKind.BINDS if binds else EdgeKind.REFERENCES))
        else:
            item = Unanswered(str(key), reference.name, reference.types, reference.path, reference.resolution)
            unanswered.add(item)


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
