"""The analysis of one action trace: graph, critical path and bottleneck, with secrets masked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from controller.diagnosis.action.critical_path import CriticalPath, critical_path
from controller.diagnosis.action.graph import ActionGraph, build_graph
from controller.diagnosis.action.model import ActionNode, ActionTraceResult
from controller.diagnosis.masking import Masking


@dataclass(frozen=True, slots=True)
class ActionAnalysis:
    result: ActionTraceResult
    """The job's result without its raw steps: `graph` holds them masked."""
    graph: ActionGraph
    path: CriticalPath


def analyse_action(result: ActionTraceResult, *, patterns: Sequence[str] = ()) -> ActionAnalysis:
    """Analyse a finished trace job. `patterns` name further captured values to mask, beyond the default patterns."""
    masking = Masking(patterns)
    graph = build_graph(result.steps, expected=result.expected_steps)
    if result.problem:
        graph = replace(graph, problems=(result.problem, *graph.problems))
    masking.learn_payloads(node.detail for node in graph.nodes)
    masked = replace(graph, nodes=tuple(_masked(node, masking) for node in graph.nodes))
    message = masking.text(result.message) if result.message else None
    return ActionAnalysis(replace(result, steps=(), message=message), masked, critical_path(masked))


def _masked(node: ActionNode, masking: Masking) -> ActionNode:
    error = masking.text(node.error) if node.error else None
    return replace(node, name=masking.text(node.name), error=error, detail=masking.fields(node.detail, secure=False))
