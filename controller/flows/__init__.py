"""What a flow is: Archy YAML, node graphs, references, canonical digests, semantic diff. Does no I/O."""

from controller.flows.canonical import digest
from controller.flows.flow_file import FlowFile, parse
from controller.flows.loading import load_yaml
from controller.flows.nodes import FlowNode, NodeEdge, NodeGraph, NodeProblem, definition_graph
from controller.flows.roots import ARCHY_ROOTS
from controller.flows.source_nodes import source_graph
from controller.flows.substitution import placeholders, render

__all__ = [
    "ARCHY_ROOTS",
    "FlowFile",
    "FlowNode",
    "NodeEdge",
    "NodeGraph",
    "NodeProblem",
    "definition_graph",
    "digest",
    "load_yaml",
    "parse",
    "placeholders",
    "render",
    "source_graph",
]
