"""Graphs as text, JSON, DOT, Mermaid and SVG: valid whatever a name holds, and legible when they are large."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
from itertools import combinations, pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.domain.references import Resolution
from controller.domain.status import Health
from controller.graphs.model import Edge, EdgeKind, Graph, Node, Presence, Unanswered
from controller.graphs.pictures import graph_dot, graph_json, graph_mermaid, graph_svg, graph_text
from controller.graphs.pictures.layout import BOX_HEIGHT, lay_out, shortened

NASTY = [
    'quote " end',
    "back\\slash\\",
    "\\N \\G \\n",
    "<b>&amp;</b>",
    "new\r\nline",
    "| pipe ] ) }",
    "😀 客服 ",
    "--> -- end",
    "subgraph",
    "\x00\x1b[31m",
    "#quot; `x`",
    "",
]
SVG = "{http://www.w3.org/2000/svg}"


def _flow(name: str, **fields: object) -> Node:
    return Node(f"inboundcall/{name}", name, "inboundcall", **fields)  # type: ignore[arg-type]


def _nasty() -> Graph:
    nodes = tuple(sorted((_flow(name, version='1"0', status="published") for name in NASTY), key=lambda node: node.key))
    edges = tuple(Edge(first.key, second.key) for first, second in pairwise(nodes))
    return Graph(nodes, edges)


@pytest.fixture
def graph() -> Graph:
    nodes = (
        Node("commonmodule/Greeting", "Greeting", "commonmodule", "3.0", "published", Health.HEALTHY),
        Node("inboundcall/Hours", "Hours", "inboundcall", "2.0", "published", managed=False),
        Node("inboundcall/Main IVR", "Main IVR", "inboundcall", "4.0", "published"),
        Node("inboundcall/New", "New", "inboundcall", presence=Presence.REPOSITORY),
    )
    edges = (
        Edge("inboundcall/Hours", "inboundcall/Main IVR"),
        Edge("inboundcall/Main IVR", "commonmodule/Greeting", EdgeKind.BINDS),
        Edge("inboundcall/Main IVR", "inboundcall/Hours", EdgeKind.DEPENDS_ON),
        Edge("inboundcall/New", "commonmodule/Greeting"),
    )
    unanswered = (
        Unanswered("inboundcall/New", "Flow.Target", (), "tasks[1]", Resolution.DYNAMIC),
        Unanswered("inboundcall/New", "Nowhere", ("inboundcall",), "tasks[0]"),
    )
    return Graph(nodes, edges, unanswered)


def _large(count: int) -> Graph:
    """As large as organisations are: chains of calls, some cycles, some flows on their own."""
    chance = random.Random(3)
    nodes = tuple(_flow(f"Flow number {index:03}", version="1.0", status="published") for index in range(count))
    pairs = {tuple(chance.sample(range(count // 2), 2)) for _ in range(count // 2)}
    chains = {(index, index + 1 + index % 7) for index in range(count - 60)}
    edges = sorted(Edge(nodes[start].key, nodes[end].key) for start, end in pairs | chains)
    return Graph(nodes, tuple(edges))


def test_text_draws_each_branch_once(graph: Graph) -> None:
    """Consumers at the root; what cannot be answered stands where it is referred to."""
    assert graph_text(graph) == (
        '"Hours"  inboundcall 2.0 published  (unmanaged)\n'
        '└── "Main IVR"  inboundcall 4.0 published\n'
        '    ├── "Greeting"  commonmodule 3.0 published Healthy\n'
        '    └── "Hours"  inboundcall 2.0 published  (unmanaged) (see above)\n'
        '"New"  inboundcall not in the organisation\n'
        '├── "Flow.Target" (decided at run time: tasks[1])\n'
        '├── "Nowhere" (missing: tasks[0])\n'
        '└── "Greeting"  commonmodule 3.0 published Healthy\n'
    )
    assert graph_text(Graph(())) == "No flows.\n"


def test_json_holds_all_that_is_known(graph: Graph) -> None:
    document = json.loads(graph_json(graph))
    assert document["schema"] == "penstock.graph/v1"
    assert document["nodes"][0] == {
        "key": "commonmodule/Greeting",
        "type": "commonmodule",
        "name": "Greeting",
        "version": "3.0",
        "status": "published",
        "health": "Healthy",
        "managed": True,
        "resource": False,
        "presence": None,
    }
    assert document["edges"][1] == {
        "consumer": "inboundcall/Main IVR",
        "consumed": "commonmodule/Greeting",
        "kind": "binds",
        "label": "",
        "transition_id": None,
        "condition": None,
        "presence": None,
    }
    assert document["waves"] == [
        ["commonmodule/Greeting"],
        ["inboundcall/Hours", "inboundcall/Main IVR", "inboundcall/New"],
    ]
    assert document["cycles"] == [["inboundcall/Hours", "inboundcall/Main IVR", "inboundcall/Hours"]]
    assert document["orphans"] == ["inboundcall/New"]
    assert [item["name"] for item in document["missing"]] == ["Nowhere"]
    assert [item["name"] for item in document["unresolvable"]] == ["Flow.Target"]


def _parsed(svg: str | bytes) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - what we, or Graphviz, just wrote


def _dot_svg(source: str) -> ET.Element:
    dot = shutil.which("dot")
    if dot is None:
        pytest.skip("Graphviz is not installed")
    done = subprocess.run([dot, "-Tsvg"], input=source.encode(), capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr == b""
    return _parsed(done.stdout)


def _drawn(svg: ET.Element, kind: str) -> list[ET.Element]:
    return [group for group in svg.iter(f"{SVG}g") if group.get("class") == kind]


def test_graphviz_accepts_every_name_and_shows_it(graph: Graph) -> None:
    """No node is lost, merged or invented, and each label is the name."""
    nasty = _nasty()
    svg = _dot_svg(graph_dot(nasty))
    assert len(_drawn(svg, "node")) == len(nasty.nodes)
    assert len(_drawn(svg, "edge")) == len(nasty.edges)
    shown = {text.text for group in _drawn(svg, "node") for text in group.iter(f"{SVG}text")}
    for name in ('quote " end', "back\\slash\\", "\\N \\G \\n", "<b>&amp;</b>", "| pipe ] ) }", "new\\r\\nline"):
        assert name in shown
    assert len(_drawn(_dot_svg(graph_dot(graph)), "node")) == 4


@settings(max_examples=15, deadline=None)
@given(st.lists(st.text(max_size=12), min_size=1, max_size=12, unique=True))
def test_graphviz_draws_as_many_nodes_as_there_are_names(names: list[str]) -> None:
    """Names that differ stay different, whatever characters they are made of."""
    nodes = tuple(Node(name, name, "") for name in sorted(names))
    svg = _dot_svg(graph_dot(Graph(nodes)))
    assert len(_drawn(svg, "node")) == len(names)


def test_mermaid_has_a_box_for_each_flow_and_no_name_outside_of_one(graph: Graph) -> None:
    """Labels are quoted, and hold no character that Mermaid or HTML would read."""
    assert graph_mermaid(graph) == (
        "flowchart LR\n"
        '  n0["Greeting<br/>commonmodule 3.0 published Healthy"]\n'
        '  n1(["Hours<br/>inboundcall 2.0 published"])\n'
        '  n2["Main IVR<br/>inboundcall 4.0 published"]\n'
        '  n3["New<br/>inboundcall not in the organisation"]\n'
        "  n1 --> n2\n"
        "  n2 ==> n0\n"
        "  n2 -.-> n1\n"
        "  n3 --> n0\n"
        "  style n3 stroke:#1a7f37\n"
    )
    for line in graph_mermaid(_nasty()).splitlines()[1:]:
        assert re.fullmatch(r'  n\d+(\["[^"<>`\\]*<br/>[^"<>`\\]*"\]| --> n\d+)', line)


def test_svg_is_well_formed_and_shows_every_name() -> None:
    """Parsed as XML: one box and one title for each flow, one line for each dependency, and nothing that runs."""
    nasty = _nasty()
    svg = _parsed(graph_svg(nasty))
    assert len(list(svg.iter(f"{SVG}rect"))) == len(nasty.nodes)
    assert len([path for path in svg.iter(f"{SVG}path") if path.get("class")]) == len(nasty.edges)
    shown = {text.text for text in svg.iter(f"{SVG}text")}
    assert {'quote " end', "<b>&amp;</b>", "new\\r\\nline", "😀 客服 "} <= shown
    assert not list(svg.iter(f"{SVG}script"))
    assert "href" not in graph_svg(nasty)


def test_two_hundred_flows_are_legible() -> None:
    """No two boxes overlap, every box is within the picture, and its text is within the box."""
    layout = lay_out(_large(200))
    boxes = list(layout.boxes.values())
    assert len(boxes) == 200
    for first, second in combinations(boxes, 2):
        beside = first.x + first.width <= second.x or second.x + second.width <= first.x
        above = first.y + BOX_HEIGHT <= second.y or second.y + BOX_HEIGHT <= first.y
        assert beside or above
    assert all(box.x >= 0 and box.x + box.width <= layout.width for box in boxes)
    assert all(box.y >= 0 and box.y + BOX_HEIGHT <= layout.height for box in boxes)
    assert all(len(box.title) * 7 <= box.width for box in boxes)
    assert layout.height < 2500


def test_consumers_stand_left_of_what_they_consume(graph: Graph) -> None:
    """Except within a cycle, whose flows stand above each other."""
    boxes = lay_out(graph).boxes
    for edge in graph.edges:
        if {edge.consumer, edge.consumed} == {"inboundcall/Hours", "inboundcall/Main IVR"}:
            assert boxes[edge.consumer].x == boxes[edge.consumed].x
        else:
            assert boxes[edge.consumer].x < boxes[edge.consumed].x


def test_exports_are_the_same_every_time(graph: Graph) -> None:
    for export in (graph_text, graph_json, graph_dot, graph_mermaid, graph_svg):
        assert export(graph) == export(Graph(graph.nodes, graph.edges, graph.unanswered))
        assert export(graph).endswith("\n")


def test_an_empty_graph_is_exported_too() -> None:
    empty = Graph(())
    assert _parsed(graph_svg(empty)).tag == f"{SVG}svg"
    assert graph_dot(empty).startswith("digraph")
    assert json.loads(graph_json(empty))["nodes"] == []


def test_long_names_are_shortened_to_columns() -> None:
    """Wide characters count twice; the whole name stays in the title."""
    assert shortened("a" * 40) == "a" * 40
    assert shortened("a" * 41) == "a" * 39 + "…"
    assert shortened("客" * 30) == "客" * 19 + "…"
