"""Writes Graphviz' input for an SVG picture and reads its output. Another module runs Graphviz.

Labels are Graphviz' HTML-like ones, see https://graphviz.org/doc/info/shapes.html#html.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from controller.domain.status import Health
from controller.domain.visible import visible
from controller.domain.wording import counted
from controller.graphs.model import Edge, Graph, Node
from controller.graphs.pictures.label import PRESENCE_COLORS, details, edge_words
from controller.graphs.pictures.languages import EDGE_STYLES, color_of, quoted

MANY = 10
"""A node with more consumers than this is busy."""


@dataclass(frozen=True, slots=True)
class NodeBlock:
    """Nodes drawn as one table, in order of key."""

    nodes: tuple[Node, ...]
    target: str | None = None
    """The busy node that all of them consume; None for nodes without edges."""


@dataclass(frozen=True, slots=True)
class FoldedGraph:
    """The parts to draw. Every node of the graph is in `nodes` or in exactly one block."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    blocks: tuple[NodeBlock, ...]
    written: Mapping[str, tuple[Edge, ...]]
    """By consumer, the edges that its box names instead of a line."""
    consumers: Mapping[str, int]
    """Number of consumers of each busy node."""


def fold(graph: Graph) -> FoldedGraph:
    """Fold every fan-in of more than `MANY` nodes. Linear in the graph, apart from sorting."""
    counts = {key: len(set(consumers) - {key}) for key, consumers in graph.consumers().items()}
    busy = {key: count for key, count in counts.items() if count > MANY}
    drawn = [e for e in graph.edges if e.consumed not in busy or e.consumer in busy]
    folded = [e for e in graph.edges if e.consumed in busy and e.consumer not in busy]
    # A busy node never stands in a block: the lines into it would end inside a table.
    fixed = {key for edge in drawn for key in (edge.consumer, edge.consumed)} | busy.keys()
    beside: dict[str, str] = {}
    for edge in folded:
        if edge.consumer not in fixed:
            # The least busy target, so that a flow stands with those that it has most in common with.
            known = beside.get(edge.consumer, edge.consumed)
            beside[edge.consumer] = min(known, edge.consumed, key=lambda key: (busy[key], key))
    written: dict[str, tuple[Edge, ...]] = {}
    for edge in folded:
        if beside.get(edge.consumer) != edge.consumed:
            written[edge.consumer] = (*written.get(edge.consumer, ()), edge)
    loose = {node.key for node in graph.nodes} - fixed - beside.keys() - written.keys()
    nodes = tuple(node for node in graph.nodes if node.key not in beside and node.key not in loose)
    return FoldedGraph(nodes, tuple(drawn), _blocks(graph, beside, loose), written, busy)


def _blocks(graph: Graph, beside: Mapping[str, str], loose: set[str]) -> tuple[NodeBlock, ...]:
    members: dict[str, list[Node]] = {}
    for node in graph.nodes:
        if node.key in beside:
            members.setdefault(beside[node.key], []).append(node)
    blocks = [NodeBlock(tuple(nodes), target) for target, nodes in sorted(members.items())]
    alone = tuple(node for node in graph.nodes if node.key in loose)
    return (*blocks, NodeBlock(alone)) if alone else tuple(blocks)


MAX_NAME = 40
MAX_WORDS = 24
_GREY = "#57606a"
_HEALTH_COLORS = {
    Health.HEALTHY: "#1a7f37",
    Health.SUSPENDED: "#6e7781",
    Health.PROGRESSING: "#0969da",
    Health.MISSING: "#9a6700",
    Health.DEGRADED: "#cf222e",
    Health.UNKNOWN: "#6e7781",
}
_CELLS_PER_COLUMN = 4
"""A cell is about four times as wide as it is high: a block with four times as many rows as columns is a square."""


def svg_source(graph: Graph, address: Callable[[Node], str | None] = lambda _: None) -> str:
    """The graph in DOT, with consumers left of the nodes that they consume; ends with a newline.

    `address` is what a node links to, a URL without characters that must be escaped; None for no link.
    """
    return "".join(f"{line}\n" for line in _lines(graph, fold(graph), address))


def svg_document(drawn: str) -> str:
    """Graphviz' output from the `<svg` element on. The document type before it names a file on another host."""
    return drawn[max(drawn.find("<svg"), 0) :]


def shortened(text: str, limit: int = MAX_NAME) -> str:
    """At most `limit` columns of text; an ellipsis replaces the rest. Wide characters count as two columns."""
    columns = 0
    for index, char in enumerate(text):
        columns += 2 if unicodedata.east_asian_width(char) in "WF" else 1
        if columns > limit:
            return text[: max(index - 1, 0)] + "…"
    return text


def _lines(graph: Graph, folded: FoldedGraph, address: Callable[[Node], str | None]) -> Iterator[str]:
    edges = "1 dependency" if len(graph.edges) == 1 else f"{len(graph.edges)} dependencies"
    title = f"{counted(len(graph.nodes), 'flow')}, {edges}"
    yield f"digraph {quoted(title)} {{"
    # Without limits the search for the best places of 300 chained flows takes minutes, and looks no better.
    yield '  graph [rankdir=LR, nodesep=0.15, ranksep=0.9, nslimit=2, nslimit1=2, fontname="sans-serif"];'
    yield '  node [shape=box, style=rounded, fontname="sans-serif", fontsize=11, margin=0.1, height=0.4];'
    yield f'  edge [color="{_GREY}", fontcolor="{_GREY}", fontname="sans-serif", fontsize=9, arrowsize=0.7];'
    names = {node.key: node.name for node in graph.nodes}
    for node in folded.nodes:
        look = f"{_look(node)}{_link(', URL', address(node))}"
        yield f"  {quoted(node.key)} [label=<{_text(node, folded, names)}>{look}];"
    for edge in folded.edges:
        yield f"  {quoted(edge.consumer)} -> {quoted(edge.consumed)} [{_line(edge)}];"
    for number, block in enumerate(folded.blocks):
        # No key of a node begins with a space.
        name = quoted(f" block {number}")
        cells = [_cell(node, _text(node, folded, names), address(node)) for node in block.nodes]
        yield f'  {name} [shape=plain, tooltip="{_title(block)}", label=<{_table(block, cells)}>];'
        if block.target is not None:
            yield f"  {name} -> {quoted(block.target)} [style=bold];"
    yield "}"


def _link(attribute: str, address: str | None) -> str:
    """The attribute that makes a node or a cell a link."""
    return "" if address is None else f'{attribute}="{escape(address)}"'


def _look(node: Node) -> str:
    dashed = "" if node.managed or node.resource else ', style="rounded,dashed"'
    resource = ', shape=cylinder, style=filled, fillcolor="#ddf4ff"' if node.resource else ""
    return f"{dashed}{resource}{color_of(node.presence)}"


def _line(edge: Edge) -> str:
    words = edge_words(edge)
    label = f", label=<{_escaped(words, MAX_WORDS)}>" if words else ""
    return f"style={EDGE_STYLES[edge.kind]}{label}{color_of(edge.presence)}"


def _text(node: Node, folded: FoldedGraph, names: dict[str, str]) -> str:
    """The lines of a box: the name, known facts, and edges that are not drawn."""
    health = _HEALTH_COLORS[node.health] if node.health else ""
    bullet = f'<FONT COLOR="{health}">●</FONT> ' if health else ""
    about = [details(node)] if details(node) else []
    if node.key in folded.consumers:
        about.append(f"used by {folded.consumers[node.key]}")
    for edge in folded.written.get(node.key, ()):
        words = edge_words(edge)
        about.append(f"→ {names[edge.consumed]}" + (f" ({words})" if words else ""))
    return "<BR/>".join((bullet + _escaped(node.name), *map(_small, about)))


def _small(line: str) -> str:
    return f'<FONT POINT-SIZE="9" COLOR="{_GREY}">{_escaped(line)}</FONT>'


def _table(block: NodeBlock, cells: Sequence[str]) -> str:
    """The block's nodes in columns, to be read downwards."""
    columns = max(math.ceil(math.sqrt(len(block.nodes) / _CELLS_PER_COLUMN)), 1)
    rows = math.ceil(len(block.nodes) / columns)
    lines = [f'<TR><TD BORDER="0" COLSPAN="{columns}">{_title(block)}</TD></TR>']
    lines += [f"<TR>{''.join(cells[row::rows])}</TR>" for row in range(rows)]
    return f'<TABLE STYLE="ROUNDED" COLOR="{_GREY}" CELLBORDER="1" CELLSPACING="3">{"".join(lines)}</TABLE>'


def _cell(node: Node, text: str, address: str | None) -> str:
    """A box of a table. Its border cannot be dashed, so a word says that no manifest names the flow."""
    color = f' COLOR="{PRESENCE_COLORS[node.presence]}"' if node.presence in PRESENCE_COLORS else ""
    unmanaged = "" if node.managed or node.resource or node.presence else _small("(unmanaged)")
    return f"<TD{color}{_link(' HREF', address)}>{text}{unmanaged and '<BR/>'}{unmanaged}</TD>"


def _title(block: NodeBlock) -> str:
    return f"{len(block.nodes)} {'without dependencies' if block.target is None else 'with no other dependency'}"


def _escaped(text: str, limit: int = MAX_NAME) -> str:
    return escape(shortened(visible(text), limit))
