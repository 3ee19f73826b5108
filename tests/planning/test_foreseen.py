"""Every refusal that a delivery makes before its first write stands in the plan, or here with why it cannot."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import controller
from controller.domain import errors
from controller.domain.errors.branches import Invalid, Permanent, Refused
from controller.domain.errors.change import FlowLocked
from tests.support.error_tree import leaves

CONTROLLER = Path(controller.__file__).parent
FORESEEN = {
    ("delivery/switch_step.py", "_check_version", "why_not"): "no-such-version, version-archived, ambiguous-version",
    ("delivery/switch_step.py", "_check_version", "SafetyLimit"): "safety-limit",
    ("delivery/switch_step.py", "_flow_id", "NoSuchVersion"): "missing-flow",
    ("delivery/locks.py", "_locked", "FlowLocked"): "flow-locked",
    ("delivery/publish_step.py", "prepare", "CapabilityMissing"): "a mistake in the manifest: capability-missing",
    ("reconcile/steps.py", "refuse_uncommitted", "DirtyTree"): "dirty-tree, held back in every format",
}
"""What the plan tells, by its code."""
SINCE = "somebody changed it after the plan was made"
CONTENT = "only the organisation can tell, when it has the content"
AFTER = "a write was sent before"
GATE = "a gate judges what is live"
BACK = "a way back, which no plan makes"
OURS = "no plan of ours leads here"
NOT_FORESEEN = {
    ("delivery/publish_writes.py", "_require_ours", "RollbackFailed"): BACK,
    ("delivery/dependency_index.py", "consumers_of", "PlanStale"): "the index is asked again, right before a removal",
    ("delivery/exporting.py", "export_version", "ExportFailed"): AFTER,
    ("delivery/gates/watch.py", "_require_pass", "GateFailed"): GATE,
    ("delivery/gates/http.py", "_refused", "HostNotAllowed"): GATE,
    ("delivery/gates/watch.py", "__call__", "GateFailed"): GATE,
    ("delivery/out_of_band.py", "overtaken", "OutOfBandChange"): AFTER,
    ("delivery/publish_step.py", "_same_flow", "PublishFailed"): AFTER,
    ("delivery/publish_step.py", "_source", "CapabilityMissing"): OURS,
    ("delivery/live_state.py", "_stale", "PlanStale"): SINCE,
    ("delivery/rollback/rebinding.py", "_publish_again", "PublishFailed"): BACK,
    ("delivery/remove_step.py", "_refuse_while_consumed", "PlanStale"): SINCE,
    ("delivery/remove_step.py", "settle", "PublishFailed"): AFTER,
    ("delivery/rollback/way_back.py", "_end_rollout", "PublishFailed"): BACK,
    ("delivery/rollback/way_back.py", "_unpublish", "PublishFailed"): BACK,
    ("delivery/rollback/way_back.py", "_unpublish", "RollbackFailed"): BACK,
    ("delivery/rollback/way_back.py", "restore", "RollbackFailed"): BACK,
    ("delivery/rollback/rollback.py", "_report_failure", "RollbackFailed"): BACK,
    ("delivery/rollback/way_back.py", "made_by_another", "RollbackFailed"): BACK,
    ("delivery/rollback/way_back.py", "upload_back", "RollbackFailed"): BACK,
    ("delivery/switch_step.py", "_target", "NoSuchVersion"): OURS,
    ("delivery/publish_writes.py", "require_success", "FlowLocked"): AFTER,
    ("delivery/publish_writes.py", "require_success", "PublishFailed"): AFTER,
    ("delivery/validation.py", "validate", "FlowRejected"): CONTENT,
    ("delivery/live_state.py", "_verified", "NotFound"): AFTER,
    ("delivery/live_state.py", "_verified", "PublishFailed"): AFTER,
    ("delivery/live_state.py", "require_there", "PlanStale"): SINCE,
    ("reconcile/steps.py", "present", "PlanStale"): SINCE,
}
_REFUSALS = (Refused, Invalid, Permanent, FlowLocked)
_KINDS = {kind.__name__: kind for kind in leaves(errors)}


def _refusals() -> Iterator[tuple[str, str, str]]:
    files = [*sorted((CONTROLLER / "delivery").rglob("*.py")), CONTROLLER / "reconcile" / "steps.py"]
    for path in files:
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                for name in _made(function):
                    yield path.relative_to(CONTROLLER).as_posix(), function.name, name


def _made(function: ast.AST) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Name) and node.exc.id == "why_not":
            yield node.exc.id
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            kind = _KINDS.get(node.func.id)
            if kind is not None and issubclass(kind, _REFUSALS):
                yield node.func.id


def test_each_refusal_of_a_delivery_is_foreseen_or_it_is_said_why_not() -> None:
    assert set(_refusals()) == FORESEEN.keys() | NOT_FORESEEN.keys()
    assert not FORESEEN.keys() & NOT_FORESEEN.keys()
