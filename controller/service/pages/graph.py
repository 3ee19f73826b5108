"""The dependency graph with the health of each flow: whole, or the part around a flow where it is too large to read."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup
from starlette.responses import Response

from controller.domain.desired import Organization
from controller.domain.errors.branches import PenstockError
from controller.domain.identity import FlowKey
from controller.domain.page_addresses import flow_address, organization_address
from controller.domain.status import Health
from controller.domain.wording import counted
from controller.graphs.model import Graph, Node, Unanswered
from controller.planning.resources import kind_words
from controller.questions.graph_picture import graph_svg
from controller.service.pages.asked import Asked
from controller.service.pages.organization_frame import known, organization_page
from controller.service.pages.paging import whole_number
from controller.store.flow_filter import FlowFilter, FlowSort
from controller.store.store import Store

MOST_DRAWN: Final = 120
"""Flows of one picture."""
_DEEPEST: Final = 5
_LONGEST_S: Final = 15.0
_PICTURES: Final = 32
_MOST_URGENT: Final = 30
_MOST_MISSING: Final = 100
_NOTHING: Final = {"picture": None, "fault": None, "about": "", "edges": (), "nodes": 0, "missing": (), "unlisted": 0}


@dataclass(frozen=True, slots=True)
class GraphPart:
    """The part of a graph that is shown."""

    graph: Graph
    about: str
    """Which part it is; empty for all of it."""


def graph(asked: Asked) -> Response:
    """`/organizations/{organization}/graph`; `flow` and `depth` choose the part around a flow."""
    view = known(asked)
    described = asked.description()
    flow, depth = asked.query("flow"), whole_number(asked.query("depth") or "1", 1, _DEEPEST)
    found: dict[str, Any] = dict(_NOTHING)
    if described is not None:
        found |= _shown(asked, described.organization, flow, depth)
    return organization_page(
        asked,
        "graph",
        view,
        flow=flow,
        depth=depth,
        depths=range(1, _DEEPEST + 1),
        described=described is not None,
        address=organization_address(asked.organization, "graph"),
        **found,
    )


def _shown(asked: Asked, organization: Organization, flow: str, depth: int) -> dict[str, Any]:
    store, names = asked.window.services.store, {str(each.key): each.id for each in organization.flows}
    found = asked.window.graphs.healthy(store, organization)
    whole = found.graph
    part = chosen_part(whole, _start(organization, flow), depth, lambda: _urgent(store, organization.name))

    def address(node: Node) -> str | None:
        return flow_address(organization.name, names[node.key]) if node.key in names else None

    missing = _missing(whole, found.lacking[:_MOST_MISSING], address)
    of_all = {"missing": missing, "unlisted": len(found.lacking) - len(missing)}
    shown = of_all | {"about": part.about, "nodes": len(part.graph.nodes), "edges": _edges(part.graph, address)}
    try:
        return shown | {"picture": Markup(_DRAWN.svg(part.graph, address))}  # noqa: S704 - Graphviz escapes names
    except PenstockError as error:
        return shown | {"fault": error.message}


def _keys(graph: Graph) -> list[str]:
    return [node.key for node in graph.nodes]


def _start(organization: Organization, flow: str) -> str | None:
    """The key of the flow that somebody names by its id, name or `type/name`."""
    for each in organization.flows:
        if flow in (each.id, each.key.name, str(each.key)):
            return str(each.key)
    return None


def chosen_part(whole: Graph, start: str | None, depth: int, urgent: Callable[[], Iterable[str]]) -> GraphPart:
    """The part around a flow; without one the whole graph, or of a large one what is around the flows in trouble."""
    keys = frozenset(_keys(whole))
    if start in keys:
        return GraphPart(_around(whole, [start], depth), f"what is up to {counted(depth, 'step')} from the flow")
    if len(keys) <= MOST_DRAWN:
        return GraphPart(whole, "")
    of_all = f"of {len(keys)} flows"
    troubled = [key for key in urgent() if key in keys]
    if troubled:
        return GraphPart(_around(whole, troubled, 1), f"{of_all} those that are not healthy, and their neighbours")
    return GraphPart(_around(whole, _busiest(whole), 1), f"{of_all} those that most others use, and their neighbours")


def _busiest(whole: Graph) -> list[str]:
    consumers = whole.consumers()
    return sorted(consumers, key=lambda key: (-len(consumers[key]), key))[:5]


def _around(whole: Graph, start: Collection[str], depth: int) -> Graph:
    """The nodes within so many steps, the nearest first, as many as are drawn."""
    up, down = whole.consumers(), whole.consumed()
    kept = dict.fromkeys(start)
    edge = list(kept)
    for _ in range(depth):
        edge = [near for key in edge for near in (*up[key], *down[key]) if near not in kept]
        kept |= dict.fromkeys(edge)
    return whole.part(list(kept)[:MOST_DRAWN])


def _urgent(store: Store, organization: str) -> list[str]:
    """The keys of the flows with the worst health."""
    worst = store.views.flows(organization, FlowFilter(), sort=FlowSort.HEALTH_DESCENDING, limit=_MOST_URGENT).items
    fine = (Health.HEALTHY, Health.SUSPENDED)
    return [str(FlowKey(flow.type, flow.name)) for flow in worst if flow.health not in fine]


@dataclass(frozen=True, slots=True)
class EdgeLine:
    """One dependency in words."""

    consumer: str
    consumer_address: str | None
    consumed: str
    consumed_address: str | None
    kind: str


def _edges(graph: Graph, address: Callable[[Node], str | None]) -> list[EdgeLine]:
    nodes = {node.key: node for node in graph.nodes}
    return [
        EdgeLine(
            nodes[edge.consumer].name,
            address(nodes[edge.consumer]),
            nodes[edge.consumed].name,
            address(nodes[edge.consumed]),
            edge.kind.value,
        )
        for edge in graph.edges
    ]


@dataclass(frozen=True, slots=True)
class MissingLine:
    """A resource that the organisation lacks, and the flow that needs it."""

    consumer: str
    consumer_address: str | None
    kind: str
    resource: str
    place: str
    """File, line and column; the place inside the flow where no file is known."""
    close: str | None
    """The name that is probably meant."""


def _missing(graph: Graph, lacking: Iterable[Unanswered], address: Callable[[Node], str | None]) -> list[MissingLine]:
    nodes = {node.key: node for node in graph.nodes}
    return [
        MissingLine(
            nodes[each.consumer].name,
            address(nodes[each.consumer]),
            kind_words(each.types[0]),
            each.name,
            each.origin or each.path,
            each.close,
        )
        for each in lacking
        if each.consumer in nodes
    ]


class _Drawn:
    """The last pictures. One is drawn at a time: each takes a processor."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._pictures: OrderedDict[Graph, str] = OrderedDict()

    def svg(self, graph: Graph, address: Callable[[Node], str | None]) -> str:
        """Raises SettingsInvalid where Graphviz is missing or cannot draw it."""
        with self._turn:
            if graph not in self._pictures:
                self._pictures[graph] = graph_svg(graph, address, longest_s=_LONGEST_S)
            self._pictures.move_to_end(graph)
            while len(self._pictures) > _PICTURES:
                self._pictures.popitem(last=False)
            return self._pictures[graph]


_DRAWN: Final = _Drawn()
