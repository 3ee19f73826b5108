"""Graphs as SVG, drawn here: no external program, no script, no font and no request."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from controller.domain.status import Health
from controller.domain.visible import visible
from controller.domain.wording import counted
from controller.graphs.model import Edge, EdgeKind, Graph, Presence
from controller.graphs.pictures.label import PRESENCE_COLORS, details, edge_words
from controller.graphs.pictures.layout import BOX_HEIGHT, Box, Layout, lay_out, shortened

_HEALTH_COLORS = {
    Health.HEALTHY: "#1a7f37",
    Health.SUSPENDED: "#6e7781",
    Health.PROGRESSING: "#0969da",
    Health.MISSING: "#9a6700",
    Health.DEGRADED: "#cf222e",
    Health.UNKNOWN: "#6e7781",
}
_STYLE = """
svg { background: #fff; font-family: system-ui, sans-serif; }
rect { fill: #f6f8fa; stroke: #57606a; stroke-width: 1.2; rx: 6; }
.unmanaged rect { stroke-dasharray: 5 3; fill: #fff; }
.resource rect { rx: 18; fill: #ddf4ff; }
text { fill: #1f2328; font-size: 13px; }
text.details, text.label { fill: #57606a; font-size: 11px; }
text.label { paint-order: stroke; stroke: #fff; stroke-width: 3px; }
path { fill: none; stroke: #8c959f; stroke-width: 1.2; stroke-opacity: .7; }
path.binds { stroke-width: 2.2; }
path.depends-on { stroke-dasharray: 6 4; }
path:hover { stroke: #0969da; stroke-width: 3; stroke-opacity: 1; }
"""


_LABEL_LIMIT = 17
_LABEL_HEIGHT = 12
_LABEL_SLOPE = 0.2


def graph_svg(graph: Graph) -> str:
    """The picture, consumers left of what they consume; ends with a newline. Boxes lie over lines."""
    return "".join(f"{line}\n" for line in _lines(graph))


def _lines(graph: Graph) -> Iterator[str]:
    layout = lay_out(graph)
    size = f'width="{layout.width:.0f}" height="{layout.height:.0f}"'
    box = f'viewBox="0 0 {layout.width:.0f} {layout.height:.0f}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" {size} {box} role="img">'
    edges = "1 dependency" if len(graph.edges) == 1 else f"{len(graph.edges)} dependencies"
    yield f"<title>{counted(len(graph.nodes), 'flow')}, {edges}</title>"
    yield f"<style>{_STYLE}</style>"
    yield '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    yield '<path d="M0 0 8 4 0 8z" style="fill:#8c959f;stroke:none"/></marker></defs>'
    for edge in graph.edges:
        yield _line(edge, layout.boxes[edge.consumer], layout.boxes[edge.consumed])
    yield from _labels(graph, layout)
    for key in sorted(layout.boxes):
        yield from _rectangle(layout.boxes[key])
    yield "</svg>"


def _line(edge: Edge, start: Box, end: Box) -> str:
    words = edge_words(edge)
    tip = f"{start.node.key} {_VERBS[edge.kind]} {end.node.key}" + (f" ({words})" if words else "")
    line = f'<path class="{edge.kind}" d="{_curve(start, end)}" marker-end="url(#arrow)"{_stroke(edge.presence)}>'
    return f"{line}<title>{_text(tip)}</title></path>"


def _labels(graph: Graph, layout: Layout) -> Iterator[str]:
    """What stands on edges, right of the box that they leave, one below the other; once for edges to one box."""
    words: dict[tuple[str, str], list[str]] = {}
    for edge in graph.edges:
        if edge_words(edge):
            words.setdefault((edge.consumer, edge.consumed), []).append(edge_words(edge))
    placed: dict[str, list[tuple[float, str]]] = {}
    for (consumer, consumed), each in words.items():
        start, end = layout.boxes[consumer], layout.boxes[consumed]
        y = start.y + BOX_HEIGHT / 2 - 4 + (end.y - start.y) * _LABEL_SLOPE
        placed.setdefault(consumer, []).append((y, shortened(" / ".join(each), _LABEL_LIMIT)))
    for consumer, labels in placed.items():
        box, below = layout.boxes[consumer], float("-inf")
        for y, text in sorted(labels):
            below = max(y, below + _LABEL_HEIGHT)
            yield f'<text class="label" x="{box.x + box.width + 8:.1f}" y="{below:.1f}">{_text(text)}</text>'


def _stroke(presence: Presence | None) -> str:
    color = PRESENCE_COLORS.get(presence) if presence else None
    return f' style="stroke:{color};stroke-opacity:1"' if color else ""


_VERBS = {
    EdgeKind.REFERENCES: "refers to",
    EdgeKind.BINDS: "is bound to",
    EdgeKind.DEPENDS_ON: "depends on",
    EdgeKind.TRANSITION: "goes to",
}


def _curve(start: Box, end: Box) -> str:
    """From the right edge to the left one; inside a layer, around the right side."""
    y1, y2 = start.y + BOX_HEIGHT / 2, end.y + BOX_HEIGHT / 2
    x1 = start.x + start.width
    if end.x > x1:
        bend = (end.x - x1) / 2
        return f"M{x1:.1f} {y1:.1f}C{x1 + bend:.1f} {y1:.1f} {end.x - bend:.1f} {y2:.1f} {end.x:.1f} {y2:.1f}"
    x2 = end.x + end.width
    if start is end:
        y1, y2 = y1 - 8, y2 + 8
    out = max(x1, x2) + 40
    return f"M{x1:.1f} {y1:.1f}C{out:.1f} {y1:.1f} {out:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"


def _rectangle(box: Box) -> Iterator[str]:
    node = box.node
    tip = f"{node.name} ({details(node)})"
    role = "resource" if node.resource else "managed" if node.managed else "unmanaged"
    yield f'<g class="{role}"><title>{_text(tip)}</title>'
    place = f'x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{BOX_HEIGHT:.0f}"'
    yield f"<rect {place}{_stroke(node.presence)}/>"
    if node.health is not None:
        color = _HEALTH_COLORS[node.health]
        yield f'<circle cx="{box.x + box.width - 10:.1f}" cy="{box.y + 10:.1f}" r="4" fill="{color}"/>'
    yield f'<text x="{box.x + 10:.1f}" y="{box.y + 17:.1f}">{_text(box.title)}</text>'
    yield f'<text class="details" x="{box.x + 10:.1f}" y="{box.y + 32:.1f}">{_text(box.subtitle)}</text></g>'


def _text(text: str) -> str:
    return escape(visible(text))
