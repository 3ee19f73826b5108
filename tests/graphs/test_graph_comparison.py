"""Graphs that compare the repository with the organisation, hold resources, or show the inside of one flow."""

from __future__ import annotations

import shutil
import subprocess
from xml.etree import ElementTree as ET

import pytest

from controller.domain.references import Resolution, ResourceReference
from controller.flows.nodes import definition_graph
from controller.graphs.build import inside_graph, merged, with_resources
from controller.graphs.model import Edge, EdgeKind, Graph, Node, Presence, Unanswered
from controller.graphs.pictures.languages import graph_dot, graph_mermaid
from controller.graphs.pictures.svg import svg_source
from controller.graphs.pictures.tree import graph_text
from controller.graphs.questions import cycles, impact, orphans
from controller.questions.graph_picture import graph_svg
from tests.support.documents import graph_fields

A, B, C = "inboundcall/A", "inboundcall/B", "commonmodule/C"
NASTY = 'quote " <b> | \\N \r\n --> 😀 '


def _node(key: str, **fields: object) -> Node:
    kind, _, name = key.partition("/")
    return Node(key, name, kind, **fields)  # type: ignore[arg-type]


@pytest.fixture
def compared() -> Graph:
    wanted = Graph(
        (_node(C), _node(A)),
        (Edge(A, C, EdgeKind.BINDS), Edge(A, C, EdgeKind.DEPENDS_ON)),
        (Unanswered(A, "Nowhere", ("inboundcall",), "tasks[0]"),),
    )
    live = Graph(
        (_node(C, version="2.0", status="published"), _node(B, version="1.0", status="published", managed=False)),
        (Edge(B, C, EdgeKind.BINDS),),
    )
    return merged(wanted, live)


def test_a_merged_graph_marks_what_only_one_side_has(compared: Graph) -> None:
    assert {node.key: node.presence for node in compared.nodes} == {
        A: Presence.REPOSITORY,
        B: Presence.LIVE,
        C: Presence.BOTH,
    }
    assert [(edge.consumer, edge.kind, edge.presence) for edge in compared.edges] == [
        (A, EdgeKind.BINDS, Presence.REPOSITORY),
        (A, EdgeKind.DEPENDS_ON, None),
        (B, EdgeKind.BINDS, Presence.LIVE),
    ]
    assert [item.presence for item in compared.unanswered] == [Presence.REPOSITORY]


def test_versions_and_statuses_of_a_merged_graph_are_the_live_ones(compared: Graph) -> None:
    (common,) = (node for node in compared.nodes if node.key == C)
    assert (common.version, common.status, common.managed) == ("2.0", "published", True)


def test_a_graph_that_is_merged_with_itself_has_no_differences() -> None:
    graph = Graph((_node(A), _node(C)), (Edge(A, C),))
    both = merged(graph, graph)
    assert {node.presence for node in both.nodes} == {edge.presence for edge in both.edges} == {Presence.BOTH}


def test_an_edge_that_the_two_sides_call_differently_is_one_edge() -> None:
    """A file tells what is bound at publish; the organisation may not."""
    nodes = (_node(A), _node(C))
    both = merged(Graph(nodes, (Edge(A, C, EdgeKind.BINDS),)), Graph(nodes, (Edge(A, C, EdgeKind.REFERENCES),)))
    assert [(edge.kind, edge.presence) for edge in both.edges] == [(EdgeKind.BINDS, Presence.BOTH)]


def test_every_format_tells_the_differences(compared: Graph) -> None:
    document = graph_fields(compared)
    assert [node["presence"] for node in document["nodes"]] == ["both", "repository", "live"]
    text = graph_text(compared)
    assert '"A"  inboundcall not in the organisation\n' in text
    assert '"B"  inboundcall 1.0 published (only live)\n' in text
    assert '└── [only live] "C"  commonmodule 2.0 published' in text
    for picture in (graph_dot(compared), graph_mermaid(compared), svg_source(compared)):
        assert "only live" in picture
        assert "not live" in picture
        assert "#bc4c00" in picture


def test_resources_are_leaves_that_no_wave_and_no_orphan_counts() -> None:
    graph = with_resources(
        Graph((_node(A), _node(C)), (Edge(A, C),)),
        {
            A: [
                ResourceReference("queue", "Sales", "x"),
                ResourceReference("queue", "Flow.Queue", "y", Resolution.DYNAMIC),
            ],
            C: [ResourceReference("queue", "Sales", "z")],
        },
    )
    document = graph_fields(graph)
    assert [node.key for node in graph.nodes if node.resource] == ["queue/Sales"]
    assert document["waves"] == [[C], [A]]
    assert [node.key for node in orphans(graph)] == [A]
    assert [item.name for item in graph.unanswered] == ["Flow.Queue"]
    assert [step.key for step in impact(graph, ["queue/Sales"])] == [C, A]
    assert '"Sales"  queue\n' in graph_text(graph)


def test_the_inside_of_a_flow_has_its_outputs_on_the_edges() -> None:
    definition = {
        "nodes": {"a": {"type": "decision", "name": "Open?"}, "b": {"type": "playAudio", "name": "Say"}},
        "transitions": [
            {"id": "1", "from": "a", "to": "b", "condition": "yes"},
            {"id": "2", "from": "a", "to": "b", "condition": "no"},
            {"id": "3", "from": "b", "to": "a"},
        ],
    }
    graph = inside_graph(definition_graph(definition, "f1"))
    assert [(edge.consumer, edge.consumed, edge.label) for edge in graph.edges] == [
        ("f1:a", "f1:b", "no"),
        ("f1:a", "f1:b", "yes"),
        ("f1:b", "f1:a", ""),
    ]
    assert "└── [no / yes]" in graph_text(graph)
    assert cycles(graph) == (("f1:a", "f1:b", "f1:a"),)
    assert [step.key for step in impact(graph.reversed(), ["f1:a"])] == ["f1:b"]


def test_a_part_of_a_graph_has_only_edges_between_its_nodes(compared: Graph) -> None:
    part = compared.part([A, C])
    assert {node.key for node in part.nodes} == {A, C}
    assert {edge.consumer for edge in part.edges} == {A}


def _nasty() -> Graph:
    nodes = (Node("a", NASTY, NASTY, presence=Presence.LIVE), Node("b", NASTY, "queue", managed=False, resource=True))
    return Graph(nodes, (Edge("a", "b", EdgeKind.TRANSITION, NASTY, Presence.REPOSITORY),))


def test_graphviz_takes_labels_of_edges_whatever_they_hold() -> None:
    dot = shutil.which("dot")
    if dot is None:
        pytest.skip("Graphviz is not installed")
    done = subprocess.run(
        [dot, "-Tsvg"], input=graph_dot(_nasty()).encode(), capture_output=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr == b""


def test_svg_and_mermaid_take_labels_of_edges_whatever_they_hold() -> None:
    if shutil.which("dot"):
        ET.fromstring(graph_svg(_nasty()))  # noqa: S314 - our own
    (arrow,) = (line for line in graph_mermaid(_nasty()).splitlines() if "n0 -->" in line)
    assert arrow.startswith('  n0 -->|"')
    assert arrow.endswith('"| n1')
    assert not set(arrow[len('  n0 -->|"') : -len('"| n1')]) & set('"<>|\\')
