"""Traces of single actions: the graph of nodes, the bottleneck, and the critical path."""

from controller.diagnosis.action.analysis import ActionAnalysis, analyse_action
from controller.diagnosis.action.critical_path import CriticalPath, PathNode, critical_path
from controller.diagnosis.action.exports import ACTION_SCHEMA, action_dot, action_report, webhook_payload
from controller.diagnosis.action.graph import ActionGraph, build_graph
from controller.diagnosis.action.model import ActionNode, ActionTraceResult
from controller.diagnosis.action.waterfall import waterfall

__all__ = [
    "ACTION_SCHEMA",
    "ActionAnalysis",
    "ActionGraph",
    "ActionNode",
    "ActionTraceResult",
    "CriticalPath",
    "PathNode",
    "action_dot",
    "action_report",
    "analyse_action",
    "build_graph",
    "critical_path",
    "waterfall",
    "webhook_payload",
]
