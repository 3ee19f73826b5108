"""Limits on how much a plan may change or remove at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from controller.domain.desired import Organization
from controller.domain.identity import FlowKey
from controller.planning.model import Change, ChangeKind, Plan

UPDATES = frozenset(
    {ChangeKind.PUBLISH, ChangeKind.SWITCH, ChangeKind.REPUBLISH, ChangeKind.RESTORE, ChangeKind.RENAME}
)
"""Kinds that count against `safety.maxUpdatePercent`: those that replace a live version."""
ROOM = "archive an unused version, or raise safety.maxActiveVersions"
"""The next step for a version that would be one too many."""
REMOVALS = frozenset({ChangeKind.UNPUBLISH, ChangeKind.DELETE})


def deliverable(plan: Plan) -> list[Change]:
    """The changes that would be carried out now: acting and not blocked."""
    return [change for change in plan.actions if change.blocked is None]


def exceeded(plan: Plan, organization: Organization) -> Iterator[str]:
    """A message for each limit that the plan exceeds."""
    yield from _emptied(plan, organization)
    safety = organization.safety
    existing = sum(change.flow_id is not None or change.kind is ChangeKind.RENAME for change in plan.changes)
    if existing < safety.minimum_existing:
        return
    kinds = [change.kind for change in deliverable(plan)]
    updates, removals = (sum(kind in counted for kind in kinds) for counted in (UPDATES, REMOVALS))
    yield from _share("change", "Update", updates, existing, safety.max_update_percent)
    yield from _share("take away", "Delete", removals, existing, safety.max_delete_percent)


def one_too_many(key: FlowKey, target: str, active: Collection[str], limit: int) -> str | None:
    """A message if `target` would exceed `safety.maxActiveVersions`; None if not."""
    if target in active or len(active) < limit:
        return None
    count = "1 version is" if len(active) == 1 else f"{len(active)} versions are"
    return f"{count} active of {key}, and {target} would be one more than safety.maxActiveVersions ({limit}) allows"


def _emptied(plan: Plan, organization: Organization) -> Iterator[str]:
    orphans = {drift.key for drift in plan.drift if drift.kind == "orphaned"}
    if not organization.flows and orphans:
        flows = "flow is" if len(orphans) == 1 else "flows are"
        yield (
            f"no Flow manifest is left, although {len(orphans)} recorded {flows} still live; "
            "restore the manifests or pass --force"
        )


def _share(verb: str, setting: str, count: int, existing: int, limit: float) -> Iterator[str]:
    percent = 100 * count / existing
    if percent > limit:
        yield (
            f"would {verb} {count} of {existing} flows ({percent:.4g} %, limit {limit:g} %); "
            f"raise safety.max{setting}Percent or pass --force"
        )
