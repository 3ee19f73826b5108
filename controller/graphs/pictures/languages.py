"""Graphs in Graphviz' DOT and in Mermaid's flowchart language, which code hosts draw.

Grammar: https://graphviz.org/doc/info/lang.html. Syntax: https://mermaid.js.org/syntax/flowchart.html.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from controller.domain.visible import visible
from controller.graphs.model import Edge, EdgeKind, Graph, Node, Presence
from controller.graphs.pictures.label import PRESENCE_COLORS, details, edge_words

EDGE_STYLES = {
    EdgeKind.REFERENCES: "solid",
    EdgeKind.BINDS: "bold",
    EdgeKind.DEPENDS_ON: "dashed",
    EdgeKind.TRANSITION: "solid",
}


def graph_dot(graph: Graph) -> str:
    """The graph, with consumers left of the nodes that they consume; ends with a newline."""
    return "".join(f"{line}\n" for line in _lines(graph))


def _lines(graph: Graph) -> Iterator[str]:
    yield "digraph flows {"
    yield "  rankdir=LR;"
    yield '  node [shape=box, style=rounded, fontname="sans-serif"];'
    for node in graph.nodes:
        yield f"  {quoted(node.key)} [{_attributes(node)}];"
    for edge in graph.edges:
        yield f"  {quoted(edge.consumer)} -> {quoted(edge.consumed)} [{_style(edge)}];"
    yield "}"


def _attributes(node: Node) -> str:
    style = "" if node.managed or node.resource else ', style="rounded,dashed"'
    shape = ", shape=cylinder" if node.resource else ""
    return f'label="{_label(node.name)}\\n{_label(details(node))}"{shape}{style}{color_of(node.presence)}'


def _style(edge: Edge) -> str:
    words, tooltip = edge_words(edge), f"{edge.kind.value} {edge.id}".rstrip()
    label = f', label="{_label(words)}"' if words else ""
    return f'style={EDGE_STYLES[edge.kind]}, tooltip="{_label(tooltip)}"{label}{color_of(edge.presence)}'


def color_of(presence: Presence | None) -> str:
    """The colour attributes of a node or an edge that only one side has; each follows a comma."""
    color = PRESENCE_COLORS.get(presence) if presence else None
    return f', color="{color}", fontcolor="{color}"' if color else ""


def quoted(key: str) -> str:
    """A key as a quoted identifier. Backslashes are doubled before escaping, so that different keys stay different."""
    return f'"{_escape(visible(key.replace(chr(92), chr(92) * 2)))}"'


def _label(text: str) -> str:
    """Text for a quoted label, in which Graphviz interprets backslashes and HTML entities."""
    return _escape(visible(text)).replace("&", "&amp;")


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


_ARROWS = {EdgeKind.REFERENCES: "-->", EdgeKind.BINDS: "==>", EdgeKind.DEPENDS_ON: "-.->", EdgeKind.TRANSITION: "-->"}
_SPECIAL = frozenset('"#&<>`\\;{}[]()|*_~')


def graph_mermaid(graph: Graph) -> str:
    """The graph, with consumers left of the nodes that they consume; ends with a newline."""
    return "".join(f"{line}\n" for line in _flowchart(graph))


def _flowchart(graph: Graph) -> Iterator[str]:
    names = {node.key: f"n{index}" for index, node in enumerate(graph.nodes)}
    yield "flowchart LR"
    for node in graph.nodes:
        yield f"  {names[node.key]}{_box(node)}"
    for edge in graph.edges:
        yield f"  {names[edge.consumer]} {_arrow(edge)} {names[edge.consumed]}"
    yield from _colors(graph, names)


def _box(node: Node) -> str:
    text = f"{_codes(node.name)}<br/>{_codes(details(node))}"
    if node.resource:
        return f'[("{text}")]'
    return f'["{text}"]' if node.managed else f'(["{text}"])'


def _arrow(edge: Edge) -> str:
    words = edge_words(edge)
    return f'{_ARROWS[edge.kind]}|"{_codes(words)}"|' if words else _ARROWS[edge.kind]


def _colors(graph: Graph, names: Mapping[str, str]) -> Iterator[str]:
    for presence, color in PRESENCE_COLORS.items():
        marked = [names[node.key] for node in graph.nodes if node.presence is presence]
        yield from (f"  style {name} stroke:{color}" for name in marked)
        links = [str(place) for place, edge in enumerate(graph.edges) if edge.presence is presence]
        if links:
            yield f"  linkStyle {','.join(links)} stroke:{color}"


def _codes(text: str) -> str:
    """Characters that mean something in a label, as Mermaid's character codes."""
    return "".join(f"#{ord(char)};" if char in _SPECIAL else char for char in visible(text))
