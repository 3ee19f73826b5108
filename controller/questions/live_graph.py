"""Tells who consumes whom, with the health that the last pass found; without a call to the organisation."""

from __future__ import annotations

from dataclasses import replace

from controller.domain.desired import Organization
from controller.domain.identity import FlowKey
from controller.graphs.document import GraphDocument, graph_document
from controller.graphs.model import Graph
from controller.questions.dependency_graph import DependencyGraph, repository_graph
from controller.store.flow_filter import FlowFilter
from controller.store.store import Store

_EVERY_FLOW = 1_000_000


def graph_now(store: Store, organization: Organization) -> GraphDocument:
    """The graph of the manifests. Raises StoreFailed."""
    found = healthy_graph(store, organization)
    about = {"organization": organization.name, "from_": found.origin.value, "warnings": found.warnings}
    return graph_document(found.graph, **about)


def healthy_graph(store: Store, organization: Organization) -> DependencyGraph:
    """The graph of the manifests, each flow with its health and its live version. Raises StoreFailed."""
    found = repository_graph(organization)
    page = store.views.flows(organization.name, FlowFilter(), limit=_EVERY_FLOW)
    seen = {str(FlowKey(flow.type, flow.name)): flow for flow in page.items}
    nodes = [
        replace(node, health=seen[node.key].health, version=seen[node.key].version) if node.key in seen else node
        for node in found.graph.nodes
    ]
    return replace(found, graph=Graph(nodes=tuple(nodes), edges=found.graph.edges, unanswered=found.graph.unanswered))
