"""Dependency graphs for people and programs: questions about them, and exports as text, JSON, DOT, Mermaid and SVG.

Works on one neutral value, whatever it was made from. Calls no external program, and prints and stores nothing.
"""

from controller.planning.graph_export.compatibility import ALLOWED_STATUSES, Compatibility, compatibility
from controller.planning.graph_export.document import GRAPH_SCHEMA, graph_document, graph_json
from controller.planning.graph_export.dot import graph_dot
from controller.planning.graph_export.inside import inside_graph
from controller.planning.graph_export.merge import merged
from controller.planning.graph_export.mermaid import graph_mermaid
from controller.planning.graph_export.model import Edge, EdgeKind, Graph, Node, Presence, Unanswered
from controller.planning.graph_export.organization import live_graph, organization_graph
from controller.planning.graph_export.questions import Impact, cycles, impact, missing, orphans, sequence
from controller.planning.graph_export.resources import with_resources
from controller.planning.graph_export.svg import graph_svg
from controller.planning.graph_export.tree import graph_text

__all__ = [
    "ALLOWED_STATUSES",
    "GRAPH_SCHEMA",
    "Compatibility",
    "Edge",
    "EdgeKind",
    "Graph",
    "Impact",
    "Node",
    "Presence",
    "Unanswered",
    "compatibility",
    "cycles",
    "graph_document",
    "graph_dot",
    "graph_json",
    "graph_mermaid",
    "graph_svg",
    "graph_text",
    "impact",
    "inside_graph",
    "live_graph",
    "merged",
    "missing",
    "organization_graph",
    "orphans",
    "sequence",
    "with_resources",
]
