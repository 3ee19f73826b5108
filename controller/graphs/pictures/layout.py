"""Where to draw the nodes of a graph: in layers, consumers to the left, few crossings, nothing overlapping.

The steps are those of K. Sugiyama et al., "Methods for visual understanding of hierarchical system structures",
IEEE Trans. SMC 11 (1981), with cycles kept together in one layer and crossings reduced by barycentres.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from controller.domain.visible import visible
from controller.graphs.model import Graph, Node
from controller.graphs.pictures.label import details
from controller.graphs.questions import sequence

BOX_HEIGHT = 40.0
ROW_GAP = 14.0
COLUMN_GAP = 30.0
LAYER_GAP = 110.0
MARGIN = 24.0
CHARACTER_WIDTH = 7.2
MAX_LABEL = 40
MAX_ROWS = 30
"""A layer with more nodes than this goes on in a further column."""
SWEEPS = 6


@dataclass(frozen=True, slots=True)
class Box:
    """A node's place, in pixels from the top left corner."""

    node: Node
    x: float
    y: float
    width: float
    title: str
    subtitle: str


@dataclass(frozen=True, slots=True)
class Layout:
    width: float
    height: float
    boxes: Mapping[str, Box]


def lay_out(graph: Graph) -> Layout:
    """A place for every node; deterministic. Nodes without edges stand in columns of their own at the right."""
    nodes = {node.key: node for node in graph.nodes}
    layers = [[nodes[key] for key in layer] for layer in _layers(graph)]
    tallest = min(max(map(len, layers), default=0), MAX_ROWS)
    boxes: dict[str, Box] = {}
    x = MARGIN
    for layer in layers:
        for start in range(0, len(layer), MAX_ROWS):
            column = layer[start : start + MAX_ROWS]
            top = (tallest - len(column)) / 2
            width = max(_width(node) for node in column)
            boxes |= {node.key: _box(node, x, top + row, width) for row, node in enumerate(column)}
            x += width + COLUMN_GAP
        x += LAYER_GAP - COLUMN_GAP
    right = max((box.x + box.width for box in boxes.values()), default=0.0) + MARGIN
    bottom = max((box.y for box in boxes.values()), default=0.0) + BOX_HEIGHT + MARGIN
    return Layout(right, bottom, boxes)


def shortened(text: str, limit: int = MAX_LABEL) -> str:
    """At most `limit` columns of text, with an ellipsis where something is left out."""
    columns = 0
    for index, char in enumerate(text):
        columns += _columns(char)
        if columns > limit:
            return text[: max(index - 1, 0)] + "…"
    return text


def _layers(graph: Graph) -> list[list[str]]:
    linked = {key for edge in graph.edges for key in (edge.consumer, edge.consumed) if edge.consumer != edge.consumed}
    layers = [[key for key in wave if key in linked] for wave in reversed(sequence(graph))]
    layers = _fewer_crossings([layer for layer in layers if layer], graph)
    loose = [node.key for node in graph.nodes if node.key not in linked]
    return [*layers, loose] if loose else layers


def _fewer_crossings(layers: list[list[str]], graph: Graph) -> list[list[str]]:
    consumed, consumers = graph.consumed(), graph.consumers()
    for sweep in range(SWEEPS):
        forwards = sweep % 2 == 0
        neighbours = consumers if forwards else consumed
        place = {key: row / max(len(layer), 1) for layer in layers for row, key in enumerate(layer)}
        for index in range(len(layers)) if forwards else reversed(range(len(layers))):
            layers[index] = sorted(layers[index], key=lambda key: (_barycentre(key, neighbours, place), key))
            place |= {key: row / len(layers[index]) for row, key in enumerate(layers[index])}
    return layers


def _barycentre(key: str, neighbours: Mapping[str, Sequence[str]], place: Mapping[str, float]) -> float:
    near = [place[other] for other in neighbours[key] if other in place]
    return math.fsum(near) / len(near) if near else place[key]


def _box(node: Node, x: float, row: float, width: float) -> Box:
    y = MARGIN + row * (BOX_HEIGHT + ROW_GAP)
    return Box(node, x, y, width, *_labels(node))


def _labels(node: Node) -> tuple[str, str]:
    return shortened(visible(node.name)), shortened(visible(details(node)))


def _width(node: Node) -> float:
    widest = max(*map(_columns, _labels(node)), 8)
    return widest * CHARACTER_WIDTH + 20


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
