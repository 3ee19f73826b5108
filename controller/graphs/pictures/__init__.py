"""Renders a graph as JSON, text tree, DOT, Mermaid or SVG. Prints and stores nothing; planning never imports it."""

from controller.graphs.pictures.document import GRAPH_SCHEMA, graph_document
from controller.graphs.pictures.dot import graph_dot
from controller.graphs.pictures.mermaid import graph_mermaid
from controller.graphs.pictures.svg import svg_document, svg_source
from controller.graphs.pictures.tree import graph_text

__all__ = [
    "GRAPH_SCHEMA",
    "graph_document",
    "graph_dot",
    "graph_mermaid",
    "graph_text",
    "svg_document",
    "svg_source",
]
