"""Graphs in Graphviz' DOT language. Grammar: https://graphviz.org/doc/info/lang.html"""

from __future__ import annotations

from collections.abc import Iterator

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
    words = edge_words(edge)
    label = f', label="{_label(words)}"' if words else ""
    return f'style={EDGE_STYLES[edge.kind]}, tooltip="{_label(_tooltip(edge))}"{label}{color_of(edge.presence)}'


def color_of(presence: Presence | None) -> str:
    """The colour attributes of a node or an edge that only one side has; each follows a comma."""
    color = PRESENCE_COLORS.get(presence) if presence else None
    return f', color="{color}", fontcolor="{color}"' if color else ""


def quoted(key: str) -> str:
    """A key as a quoted identifier. Backslashes are doubled before escaping, so that different keys stay different."""
    return f'"{_escape(visible(key.replace(chr(92), chr(92) * 2)))}"'


def _tooltip(edge: Edge) -> str:
    return f"{edge.kind.value} {edge.id}".rstrip()


def _label(text: str) -> str:
    """Text for a quoted label, in which Graphviz interprets backslashes and HTML entities."""
    return _escape(visible(text)).replace("&", "&amp;")


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
