"""Tells who consumes whom, with the health and the missing resources that the last pass found; it calls nobody.

What is made is kept: the graph of manifests as long as they are those that were read last, and what passes found of
its flows until the store marks a change.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from controller.domain.desired import Organization
from controller.domain.identity import FlowKey
from controller.graphs.document import GraphDocument, graph_document
from controller.graphs.model import Node
from controller.questions.dependency_graph import DependencyGraph, repository_graph
from controller.questions.stored_plan import missing_resources
from controller.store.flow_filter import FlowFilter
from controller.store.live_marks import LiveTopic
from controller.store.store import Store
from controller.store.views import FlowView

_EVERY_FLOW: Final = 1_000_000
_KEPT: Final = 8
"""Organisations whose graphs are kept; those that were asked for longest ago go."""
V = TypeVar("V")


@dataclass(slots=True)
class _Live:
    """A graph with what passes found, and the mark of the store after which it was made."""

    mark: int
    graph: DependencyGraph
    document: GraphDocument | None = None


class LiveGraphs:
    """The last graphs of one store. One is made at a time: each takes a processor. Methods may raise StoreFailed."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        # By identity: to compare thousands of flows takes longer than to make a graph. A graph holds its organisation.
        self._read: OrderedDict[int, DependencyGraph] = OrderedDict()
        self._live: OrderedDict[int, _Live] = OrderedDict()

    def healthy(self, store: Store, organization: Organization) -> DependencyGraph:
        """The graph of the manifests, each flow with its health and its live version, and the resources it lacks."""
        with self._turn:
            return self._now(store, organization).graph

    def document(self, store: Store, organization: Organization) -> GraphDocument:
        """The same as a document."""
        with self._turn:
            found = self._now(store, organization)
            if found.document is None:
                graph = found.graph
                about = {"organization": organization.name, "from_": graph.origin.value, "warnings": graph.warnings}
                found.document = graph_document(graph.graph, **about)
            return found.document

    def _now(self, store: Store, organization: Organization) -> _Live:
        mark = store.marks.latest(organization.name, LiveTopic.VIEW, LiveTopic.RUNNING)
        known = self._live.get(id(organization))
        if known is not None and known.mark == mark:
            return known
        read = _kept(self._read, id(organization), lambda: repository_graph(organization))
        self._live.pop(id(organization), None)
        return _kept(self._live, id(organization), lambda: _Live(mark, _as_found(store, read)))


def _kept(known: OrderedDict[int, V], key: int, make: Callable[[], V]) -> V:
    if key not in known:
        known[key] = make()
    known.move_to_end(key)
    while len(known) > _KEPT:
        known.popitem(last=False)
    return known[key]


def _as_found(store: Store, read: DependencyGraph) -> DependencyGraph:
    name = read.organization.name
    page = store.views.flows(name, FlowFilter(), limit=_EVERY_FLOW)
    view = store.views.organization(name)
    lacking = missing_resources(None if view is None else view.plan)
    seen = {str(FlowKey(flow.type, flow.name)): flow for flow in page.items}
    nodes = tuple(_node(node, seen.get(node.key)) for node in read.graph.nodes)
    unanswered = tuple(sorted({*read.graph.unanswered, *lacking}))
    return replace(read, graph=replace(read.graph, nodes=nodes, unanswered=unanswered), lacking=lacking)


def _node(node: Node, flow: FlowView | None) -> Node:
    return node if flow is None else replace(node, health=flow.health, version=flow.version)
