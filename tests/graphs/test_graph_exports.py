"""Graphs as text, JSON, DOT, Mermaid and SVG: valid whatever a name holds, and legible when they are large."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
from itertools import combinations, pairwise
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.domain.errors.process import SettingsInvalid
from controller.domain.references import Resolution
from controller.domain.status import Health
from controller.graphs.model import Edge, EdgeKind, Graph, Node, Presence, Unanswered
from controller.graphs.pictures.languages import graph_dot, graph_mermaid
from controller.graphs.pictures.svg import MANY, fold, shortened, svg_source
from controller.graphs.pictures.tree import graph_text
from controller.questions.graph_picture import graph_svg
from tests.support.documents import graph_fields

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


def graph_json(graph: Graph) -> str:
    return json.dumps(graph_fields(graph), indent=2) + "\n"


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


needs_graphviz = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")


@needs_graphviz
def test_svg_is_well_formed_and_shows_every_name() -> None:
    """Parsed as XML: one box and one title for each flow, one line for each dependency, and nothing that runs."""
    nasty = _nasty()
    svg = _parsed(graph_svg(nasty))
    assert len(_drawn(svg, "node")) == len(nasty.nodes)
    assert len(_drawn(svg, "edge")) == len(nasty.edges)
    shown = {text.text for text in svg.iter(f"{SVG}text")}
    assert {'quote " end', "<b>&amp;</b>", "new\\r\\nline", "😀 客服 "} <= shown
    assert not list(svg.iter(f"{SVG}script"))
    assert "href" not in graph_svg(nasty)
    assert graph_svg(nasty).startswith("<svg")


@needs_graphviz
def test_boxes_and_cells_of_blocks_link_to_what_the_caller_says() -> None:
    hub = _hub(MANY + 1)

    def address(node: Node) -> str | None:
        return None if node == hub.nodes[0] else f"/flows/{quote(node.name, safe='')}?x"

    links = {
        link.get("{http://www.w3.org/1999/xlink}href") for link in _parsed(graph_svg(hub, address)).iter(f"{SVG}a")
    }
    assert links - {None} == {*map(address, hub.nodes[1:])}


@settings(max_examples=10, deadline=None)
@given(st.lists(st.text(max_size=12), min_size=1, max_size=12, unique=True))
@needs_graphviz
def test_svg_shows_every_name_in_a_block(names: list[str]) -> None:
    """Flows without edges share a table, whose text is the names as far as XML can hold them."""
    nodes = tuple(Node(name, name, "") for name in sorted(names))
    svg = _parsed(graph_svg(Graph(nodes)))
    assert len(_drawn(svg, "node")) == 1
    shown = "".join(text.text or "" for text in svg.iter(f"{SVG}text"))
    assert all(name in shown for name in names if name.isascii() and name.isalnum())


@needs_graphviz
def test_three_hundred_flows_are_legible() -> None:
    """Every box is within the picture, no two boxes overlap, and every flow is named."""
    graph = _large(300)
    svg = _parsed(graph_svg(graph))
    places = [_extent(group) for group in _drawn(svg, "node")]
    for first, second in combinations(places, 2):
        beside = first[2] <= second[0] or second[2] <= first[0]
        above = first[3] <= second[1] or second[3] <= first[1]
        assert beside or above
    shown = {text.text for text in svg.iter(f"{SVG}text")}
    assert {node.name for node in graph.nodes} <= shown


@needs_graphviz
def test_consumers_stand_left_of_what_they_consume(graph: Graph) -> None:
    """Except within a cycle, where one of the two edges leads back."""
    acyclic = Graph(graph.nodes, tuple(edge for edge in graph.edges if edge.kind is not EdgeKind.DEPENDS_ON))
    groups = _drawn(_parsed(graph_svg(acyclic)), "node")
    places = {group.findtext(f"{SVG}title"): _extent(group) for group in groups}
    for edge in acyclic.edges:
        assert places[edge.consumer][2] <= places[edge.consumed][0]


def _extent(group: ET.Element) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of the shapes of a node."""
    numbers = [
        tuple(map(float, point.split(",")))
        for shape in group.iter()
        for point in re.findall(r"-?[\d.]+,-?[\d.]+", shape.get("points") or shape.get("d") or "")
    ]
    columns, rows = zip(*numbers, strict=True)
    return min(columns), min(rows), max(columns), max(rows)


def _hub(count: int) -> Graph:
    """`count` callers of one module, of which every third calls another flow as well."""
    hub, other = Node("commonmodule/Hub", "Hub", "commonmodule"), _flow("Other")
    callers = [_flow(f"Caller {number:02}") for number in range(count)]
    edges = [Edge(caller.key, hub.key, EdgeKind.BINDS) for caller in callers]
    edges += [Edge(caller.key, other.key) for caller in callers[::3]]
    loose = [_flow("Zebra"), _flow("Zoo")]
    nodes = sorted([hub, other, *callers, *loose], key=lambda node: node.key)
    return Graph(tuple(nodes), tuple(sorted(edges)))


def test_a_fan_in_beyond_ten_is_folded_and_every_flow_is_drawn_once() -> None:
    """Callers of nothing else stand in one block, the others name the module; flows without edges have a block."""
    graph = _hub(21)
    folded = fold(graph)
    assert folded.consumers == {"commonmodule/Hub": 21}
    assert [(block.target, len(block.nodes)) for block in folded.blocks] == [("commonmodule/Hub", 14), (None, 2)]
    assert {edge.consumed for edge in folded.edges} == {"inboundcall/Other"}
    assert len(folded.written) == 7
    drawn = [node.key for node in (*folded.nodes, *(node for block in folded.blocks for node in block.nodes))]
    assert sorted(drawn) == [node.key for node in graph.nodes]
    source = svg_source(graph)
    assert "used by 21" in source
    assert source.count("→ Hub") == 7


def test_a_fan_in_of_ten_is_drawn() -> None:
    assert fold(_hub(MANY)).consumers == {}
    assert len(fold(_hub(MANY)).edges) == len(_hub(MANY).edges)


@settings(max_examples=30, deadline=None)
@given(st.sets(st.tuples(st.integers(0, 24), st.integers(0, 24))))
def test_folding_loses_no_dependency(pairs: set[tuple[int, int]]) -> None:
    """Each edge is a line, a line of text, or the line of a block."""
    nodes = tuple(_flow(f"{number:02}") for number in range(25))
    graph = Graph(nodes, tuple(sorted(Edge(nodes[start].key, nodes[end].key) for start, end in pairs)))
    folded = fold(graph)
    told = [*folded.edges, *(edge for edges in folded.written.values() for edge in edges)]
    told += [Edge(node.key, block.target) for block in folded.blocks if block.target for node in block.nodes]
    assert sorted(told) == list(graph.edges)


def test_without_graphviz_svg_names_the_formats_that_need_none(
    graph: Graph, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SettingsInvalid, match="SVG needs Graphviz") as refused:
        graph_svg(graph)
    assert refused.value.hint is not None
    assert "--format dot or --format mermaid" in refused.value.hint


@needs_graphviz
def test_exports_are_the_same_every_time(graph: Graph) -> None:
    for export in (graph_text, graph_json, graph_dot, graph_mermaid, graph_svg):
        assert export(graph) == export(Graph(graph.nodes, graph.edges, graph.unanswered))
        assert export(graph).endswith("\n")


@needs_graphviz
def test_an_empty_graph_is_exported_too() -> None:
    empty = Graph(())
    assert _parsed(graph_svg(empty)).tag == f"{SVG}svg"
    assert graph_dot(empty).startswith("digraph")
    assert json.loads(graph_json(empty))["nodes"] == []


def test_long_names_are_shortened_to_columns() -> None:
    """Wide characters count twice; the title keeps the key."""
    assert shortened("a" * 40) == "a" * 40
    assert shortened("a" * 41) == "a" * 39 + "…"
    assert shortened("客" * 30) == "客" * 19 + "…"
