"""Plans as JSON: `penstock.plan/v1`, described in docs/reference/json.md. A field is never renamed within a version."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from controller.domain.recorded import NO_REVISION
from controller.planning.digests import sha256
from controller.planning.model import Change, ChangeKind, Drift, Plan, UnderWay

PLAN_SCHEMA = "penstock.plan/v1"


def plan_json(plans: Sequence[Plan], *, everything: bool = False) -> str:
    """The document as text, ending with a newline; the same plans give the same bytes."""
    return json.dumps(plan_document(plans, everything=everything), indent=2) + "\n"


def plan_document(plans: Sequence[Plan], *, everything: bool = False) -> dict[str, object]:
    """The document as plain JSON types. Only `everything` includes flows in sync.

    `digest` is the plan's own for one organisation, else a digest over all plans.
    """
    digests = [plan.digest for plan in plans]
    return {
        "schema": PLAN_SCHEMA,
        "digest": digests[0] if len(digests) == 1 else sha256(*digests),
        "revision": plans[0].revision if plans and plans[0].revision != NO_REVISION else None,
        "organizations": [_organization(plan, everything=everything) for plan in plans],
    }


def _organization(plan: Plan, *, everything: bool) -> dict[str, object]:
    return {
        "name": plan.organization,
        "digest": plan.digest,
        "summary": dict(plan.summary()),
        "changes": [_change(change) for change in plan.changes if everything or change.kind is not ChangeKind.NONE],
        "drift": [_drift(drift) for drift in plan.drift],
        "unmanaged": plan.unmanaged,
        "cycles": [list(cycle) for cycle in plan.cycles],
        "suspended": list(plan.suspended),
        "under_way": [_under_way(each) for each in plan.under_way],
        "held_back": [asdict(each) for each in plan.held_back],
        "warnings": list(plan.warnings),
    }


def _change(change: Change) -> dict[str, object]:
    blocked = change.blocked
    return {
        "flow": change.flow,
        "type": change.key.type,
        "name": change.key.name,
        "flow_id": change.flow_id,
        "change": change.kind.value,
        "from_version": change.from_version,
        "to_version": change.to_version,
        "reason": change.reason,
        "blocked": {"code": blocked.code, "message": blocked.message} if blocked else None,
        "wave": change.wave,
        "depends_on": list(change.depends_on),
        "group": list(change.group),
        "dependency_digest": change.dependency_digest,
        "warnings": list(change.warnings),
    }


def _drift(drift: Drift) -> dict[str, object]:
    return {
        "flow": drift.flow,
        "type": drift.key.type,
        "name": drift.key.name,
        "kind": drift.kind,
        "expected": drift.expected,
        "actual": drift.actual,
        "message": drift.message,
    }


def _under_way(each: UnderWay) -> dict[str, object]:
    return {
        "flow": each.flow,
        "type": each.key.type,
        "name": each.key.name,
        "change": each.kind.value,
        "state": each.state.value,
        "revision": None if each.revision == NO_REVISION else each.revision,
        "from_version": each.from_version,
        "to_version": each.to_version,
    }
