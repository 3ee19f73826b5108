"""What a flow is: Archy YAML, node graphs, references, canonical digests, semantic diff. Does no I/O."""

from controller.flows.canonical import digest
from controller.flows.checks import NESTED, mistakes, nested_modules
from controller.flows.definition_diff import diff_definitions
from controller.flows.diff import diff_sources
from controller.flows.diff_model import DiffEntry, DiffKind, FlowDiff, diff_json, diff_text
from controller.flows.flow_file import FlowFile, parse
from controller.flows.loading import load_yaml
from controller.flows.nodes import FlowNode, NodeEdge, NodeGraph, NodeProblem, definition_graph
from controller.flows.roots import ARCHY_ROOTS
from controller.flows.source_nodes import source_graph
from controller.flows.substitution import FlowTemplate, Rendered, placeholders, render
from controller.flows.suggestion import did_you_mean

__all__ = [
    "ARCHY_ROOTS",
    "NESTED",
    "DiffEntry",
    "DiffKind",
    "FlowDiff",
    "FlowFile",
    "FlowNode",
    "FlowTemplate",
    "NodeEdge",
    "NodeGraph",
    "NodeProblem",
    "Rendered",
    "definition_graph",
    "did_you_mean",
    "diff_definitions",
    "diff_json",
    "diff_sources",
    "diff_text",
    "digest",
    "load_yaml",
    "mistakes",
    "nested_modules",
    "parse",
    "placeholders",
    "render",
    "source_graph",
]
