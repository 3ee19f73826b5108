"""Graphs in Mermaid's flowchart language, which code hosts draw. Syntax: https://mermaid.js.org/syntax/flowchart.html"""

from __future__ import annotations

from collections.abc import Iterator

from controller.planning.graph_export.label import details
from controller.planning.graph_export.model import EdgeKind, Graph, Node
from controller.planning.rendering.visible import visible

_ARROWS = {
    EdgeKind.REFERENCES: "-->",
    EdgeKind.BINDS: "==>",
    EdgeKind.DEPENDS_ON: "-.->",
    EdgeKind.TRANSITION: "-->",
}
_SPECIAL = frozenset('"#&<>`\\;{}[]()|*_~')


def graph_mermaid(graph: Graph) -> str:
    """The graph, consumers left of what they consume; ends with a newline."""
    return "".join(f"{line}\n" for line in _lines(graph))


def _lines(graph: Graph) -> Iterator[str]:
    names = {node.key: f"n{index}" for index, node in enumerate(graph.nodes)}
    yield "flowchart LR"
    for node in graph.nodes:
        yield f"  {names[node.key]}{_box(node)}"
    for edge in graph.edges:
        yield f"  {names[edge.consumer]} {_ARROWS[edge.kind]} {names[edge.consumed]}"


def _box(node: Node) -> str:
    text = f"{_escape(node.name)}<br/>{_escape(details(node))}"
    return f'["{text}"]' if node.managed else f'(["{text}"])'


def _escape(text: str) -> str:
    """Whatever has a meaning in a label as Mermaid's character codes."""
    return "".join(f"#{ord(char)};" if char in _SPECIAL else char for char in visible(text))
