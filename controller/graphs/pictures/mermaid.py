"""Graphs in Mermaid's flowchart language, which code hosts draw. Syntax: https://mermaid.js.org/syntax/flowchart.html"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from controller.domain.visible import visible
from controller.graphs.model import Edge, EdgeKind, Graph, Node
from controller.graphs.pictures.label import PRESENCE_COLORS, details, edge_words

_ARROWS = {
    EdgeKind.REFERENCES: "-->",
    EdgeKind.BINDS: "==>",
    EdgeKind.DEPENDS_ON: "-.->",
    EdgeKind.TRANSITION: "-->",
}
_SPECIAL = frozenset('"#&<>`\\;{}[]()|*_~')


def graph_mermaid(graph: Graph) -> str:
    """The graph, with consumers left of the nodes that they consume; ends with a newline."""
    return "".join(f"{line}\n" for line in _lines(graph))


def _lines(graph: Graph) -> Iterator[str]:
    names = {node.key: f"n{index}" for index, node in enumerate(graph.nodes)}
    yield "flowchart LR"
    for node in graph.nodes:
        yield f"  {names[node.key]}{_box(node)}"
    for edge in graph.edges:
        yield f"  {names[edge.consumer]} {_arrow(edge)} {names[edge.consumed]}"
    yield from _colors(graph, names)


def _box(node: Node) -> str:
    text = f"{_escape(node.name)}<br/>{_escape(details(node))}"
    if node.resource:
        return f'[("{text}")]'
    return f'["{text}"]' if node.managed else f'(["{text}"])'


def _arrow(edge: Edge) -> str:
    words = edge_words(edge)
    return f'{_ARROWS[edge.kind]}|"{_escape(words)}"|' if words else _ARROWS[edge.kind]


def _colors(graph: Graph, names: Mapping[str, str]) -> Iterator[str]:
    for presence, color in PRESENCE_COLORS.items():
        marked = [names[node.key] for node in graph.nodes if node.presence is presence]
        yield from (f"  style {name} stroke:{color}" for name in marked)
        links = [str(place) for place, edge in enumerate(graph.edges) if edge.presence is presence]
        if links:
            yield f"  linkStyle {','.join(links)} stroke:{color}"


def _escape(text: str) -> str:
    """Characters that mean something in a label, as Mermaid's character codes."""
    return "".join(f"#{ord(char)};" if char in _SPECIAL else char for char in visible(text))
