"""From what a delivery brought about to the commit that records it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from controller.delivery import StepResult
from controller.domain.desired import Organization
from controller.domain.identity import FlowKey
from controller.domain.recorded import RecordedFlow
from controller.planning import ChangeKind
from controller.repository import ArtifactCommit, DeliveredFlow, Draft

_REMOVALS = (ChangeKind.UNPUBLISH, ChangeKind.DELETE)


def artifact_commit(
    organization: Organization, steps: Sequence[StepResult], *, deployment: str, now: datetime
) -> ArtifactCommit | None:
    """The commit for everything that these steps made live; None when there is nothing to record.

    A later step of the same flow wins over an earlier one, as what was left behind comes oldest first.
    """
    delivered = {step.change.key: step for step in steps if step.change.kind not in _REMOVALS and step.flow_id}
    removed = tuple(sorted({step.change.key for step in steps if step.change.kind in _REMOVALS}))
    drafts = tuple(_draft(step, number) for step in steps for number in range(len(step.drafts)))
    if not delivered and not removed and not drafts:
        return None
    flows = tuple(
        DeliveredFlow(_recorded(delivered[key], now), delivered[key].export)
        for key in sorted(delivered)
        if delivered[key].version
    )
    return ArtifactCommit(
        organization=organization.name,
        policy=organization.artifacts,
        flows=flows,
        removed=removed,
        drafts=drafts,
        revision=_one_revision(steps),
        deployment=deployment,
        summary=tuple(f"{step.change.flow}: {step.change.kind.value}, {step.change.reason}" for step in steps),
    )


def _recorded(step: StepResult, now: datetime) -> RecordedFlow:
    change = step.change
    return RecordedFlow(
        key=change.key,
        manifest=change.flow,
        flow_id=step.flow_id or "",
        version=step.version or "",
        source_digest=step.source_digest,
        export_digest=step.export_digest,
        dependency_digest=change.dependency_digest,
        consumed=_known(step.consumed),
        revision=step.revision or None,
        recorded_at=now,
        dirty=step.dirty,
    )


def _known(consumed: Mapping[FlowKey, str]) -> dict[FlowKey, str]:
    return {key: consumed[key] for key in sorted(consumed)}


def _draft(step: StepResult, number: int) -> Draft:
    export = step.drafts[number]
    label = f"sync-{step.step_id}" if len(step.drafts) == 1 else f"sync-{step.step_id}-{number + 1}"
    return Draft(step.change.flow, label, export)


def _one_revision(steps: Sequence[StepResult]) -> str | None:
    """The revision that asked for all of it; the latest when they come from several."""
    revisions = [step.revision for step in steps if step.revision]
    return revisions[-1] if revisions else None
