"""What people ask a dependency graph, against brute force and by example."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from controller.domain.identity import FlowKey
from controller.domain.live import LiveState
from controller.domain.status import Health
from controller.graphs.build import ordered_graph, organization_graph
from controller.graphs.compatibility import compatibility
from controller.graphs.model import Edge, EdgeKind, Graph, Node
from controller.graphs.questions import cycles, impact, missing, orphans, sequence
from tests.planning.compact import live_state, organization

KEYS = [f"inboundcall/F{index}" for index in range(9)]
EDGES = st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(KEYS)), max_size=25)

STATES: dict[str, Any] = {
    "desired": {
        "ivr": {
            "key": "inboundcall/Main IVR",
            "digest": "i",
            "calls": ["commonmodule/Greeting", "inboundcall/Nowhere", {"dynamic": "Flow.Target"}],
            "dependsOn": ["hours"],
        },
        "greeting": {"key": "commonmodule/Greeting", "digest": "g"},
        "hours": {"key": "inboundcall/Hours", "version": "2.0"},
    },
    "live": {
        "inboundcall/Main IVR": {"version": "4.0"},
        "commonmodule/Greeting": {"version": "3.0"},
        "inboundcall/Hours": {"version": "2.0", "calls": ["inboundcall/Outside"]},
        "inboundcall/Outside": {"version": "1.0"},
        "inboundcall/Leftover": {},
    },
}


def _graph(edges: list[tuple[str, str]]) -> Graph:
    unique = sorted(set(edges))
    return Graph(tuple(Node(key, key, "inboundcall") for key in KEYS), tuple(Edge(*edge) for edge in unique))


@given(EDGES, st.lists(st.sampled_from(KEYS), max_size=3))
def test_impact_is_everything_from_which_the_change_can_be_reached(
    edges: list[tuple[str, str]], changed: list[str]
) -> None:
    """Just what networkx calls ancestors; each path is one of edges, and none is shorter."""
    graph = nx.DiGraph(edges)
    graph.add_nodes_from(KEYS)
    expected = set().union(*(nx.ancestors(graph, key) for key in changed)) - set(changed) if changed else set()
    found = impact(_graph(edges), changed)
    assert {item.key for item in found} == expected
    for item in found:
        assert item.path[0] in changed
        assert item.path[-1] == item.key
        assert all((later, earlier) in edges for earlier, later in itertools.pairwise(item.path))
        shortest = min(
            nx.shortest_path_length(graph, item.key, key) for key in changed if nx.has_path(graph, item.key, key)
        )
        assert item.distance == len(item.path) - 1 == shortest


@given(EDGES)
def test_the_sequence_respects_every_edge(edges: list[tuple[str, str]]) -> None:
    """Nothing consumes what comes later, members of one cycle stand together, and every node comes once."""
    graph = nx.DiGraph(edges)
    waves = sequence(_graph(edges))
    place = {key: index for index, wave in enumerate(waves) for key in wave}
    assert sorted(key for wave in waves for key in wave) == KEYS
    for consumer, consumed in edges:
        together = nx.has_path(graph, consumed, consumer)
        assert place[consumed] == place[consumer] if together else place[consumed] < place[consumer]


@given(EDGES)
def test_there_is_one_cycle_for_each_component_that_has_any(edges: list[tuple[str, str]]) -> None:
    graph = nx.DiGraph(edges)
    looping = [
        part
        for part in nx.strongly_connected_components(graph)
        if nx.is_directed_acyclic_graph(graph.subgraph(part)) is False
    ]
    found = cycles(_graph(edges))
    assert len(found) == len(looping)
    assert all((start, end) in edges for cycle in found for start, end in itertools.pairwise(cycle))


@given(EDGES)
def test_orphans_are_what_nothing_else_consumes(edges: list[tuple[str, str]]) -> None:
    used = {consumed for consumer, consumed in edges if consumer != consumed}
    assert {node.key for node in orphans(_graph(edges))} == set(KEYS) - used


def test_a_flow_that_refers_to_itself_is_a_cycle_of_one() -> None:
    assert cycles(_graph([(KEYS[0], KEYS[0])])) == ((KEYS[0], KEYS[0]),)


def test_unknown_keys_reach_nothing() -> None:
    assert impact(_graph([(KEYS[0], KEYS[1])]), ["inboundcall/Nowhere"]) == ()


def test_the_graph_of_an_organisation_holds_what_is_managed_and_what_is_live_beside_it() -> None:
    """Edges say how: bound at publish, referred to, declared. Live versions and statuses are on the nodes."""
    health = {FlowKey("inboundcall", "Hours"): Health.DEGRADED}
    graph = organization_graph(organization(STATES), live_state(STATES), health=health)
    assert graph.edges == (
        Edge("inboundcall/Hours", "inboundcall/Outside", EdgeKind.REFERENCES),
        Edge("inboundcall/Main IVR", "commonmodule/Greeting", EdgeKind.BINDS),
        Edge("inboundcall/Main IVR", "inboundcall/Hours", EdgeKind.DEPENDS_ON),
    )
    assert [(node.key, node.version, node.health, node.managed) for node in graph.nodes] == [
        ("commonmodule/Greeting", "3.0", None, True),
        ("inboundcall/Hours", "2.0", Health.DEGRADED, True),
        ("inboundcall/Leftover", None, None, False),
        ("inboundcall/Main IVR", "4.0", None, True),
        ("inboundcall/Outside", "1.0", None, False),
    ]


def test_an_expression_is_never_missing() -> None:
    """Both lead to no node, and only the name is a mistake."""
    graph = organization_graph(organization(STATES), live_state(STATES))
    assert [item.name for item in missing(graph)] == ["Nowhere"]
    assert {item.name for item in graph.unanswered} == {"Nowhere", "Flow.Target"}


def test_without_an_organisation_the_graph_is_what_git_tells() -> None:
    """No call is needed; nodes have no version then."""
    graph = organization_graph(organization(STATES))
    assert [node.key for node in graph.nodes] == [
        "commonmodule/Greeting",
        "inboundcall/Hours",
        "inboundcall/Main IVR",
    ]
    assert {node.version for node in graph.nodes} == {None}


def test_compatibility_asks_for_the_pinned_version_and_a_status_that_answers_calls() -> None:
    verdicts = {verdict.flow: verdict for verdict in compatibility(organization(STATES), live_state(STATES))}
    assert all(verdict.compatible for verdict in verdicts.values())
    assert (verdicts["hours"].target_version, verdicts["ivr"].target_version) == ("2.0", None)


def _with_status(status: str) -> LiveState:
    live = live_state(STATES)
    return replace(live, flows={key: replace(flow, status=status) for key, flow in live.flows.items()})


def test_drafts_and_archived_versions_fail() -> None:
    for status in ("draft", "archived"):
        verdicts = compatibility(organization(STATES), _with_status(status))
        assert all(f"its status is {status}" in verdict.problems[0] for verdict in verdicts)
    assert all(each.compatible for each in compatibility(organization(STATES), _with_status("Deployed")))
    drafts = compatibility(organization(STATES), _with_status("draft"), allowed_statuses=["draft"])
    assert all(each.compatible for each in drafts)


def test_a_target_version_holds_for_every_flow() -> None:
    verdicts = compatibility(organization(STATES), live_state(STATES), target_version="3.0")
    assert [verdict.flow for verdict in verdicts if verdict.compatible] == ["greeting"]
    assert verdicts[1].problems == ("version 2.0 is live, 3.0 is asked for",)


def test_a_flow_that_is_not_there_or_not_published_is_not_compatible() -> None:
    states: dict[str, Any] = {"desired": STATES["desired"], "live": {"commonmodule/Greeting": {}}}
    verdicts = compatibility(organization(states), live_state(states))
    assert [verdict.problems for verdict in verdicts] == [
        ("no version is published",),
        ("the organisation has no such flow",),
        ("the organisation has no such flow",),
    ]


@given(EDGES)
def test_the_sequence_spares_the_search_for_cycles_only_where_there_are_none(edges: list[tuple[str, str]]) -> None:
    graph = _graph(edges)
    assert cycles(graph, sequence(graph)) == cycles(graph)


@given(EDGES)
def test_parts_in_any_order_make_one_graph(edges: list[tuple[str, str]]) -> None:
    """Each edge once, in order of its ends and its kind."""
    kinds = [EdgeKind.REFERENCES, EdgeKind.BINDS]
    drawn = [Edge(*edge, kinds[place % 2]) for place, edge in enumerate(edges)]
    nodes = [Node(key, key, "inboundcall") for key in KEYS]
    assert ordered_graph(reversed(nodes), drawn) == Graph(tuple(nodes), tuple(sorted(set(drawn))))
