"""From what a delivery brought about to the commit that records it.

What is committed everyone who clones can read: values that were filled in from the environment are masked there, while
digests are over what the organisation gave out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from controller.delivery import StepResult
from controller.domain.desired import Organization
from controller.domain.identity import FlowKey
from controller.domain.platform import Export
from controller.domain.recorded import RecordedFlow
from controller.domain.redaction import SECRETS
from controller.planning import Change, ChangeKind
from controller.repository import ArtifactCommit, DeliveredFlow, SavedDraft

_REMOVALS = (ChangeKind.UNPUBLISH, ChangeKind.DELETE)


def artifact_commit(
    organization: Organization,
    steps: Sequence[StepResult],
    *,
    organization_id: str | None,
    store_id: str,
    deployment: str,
    now: datetime,
) -> ArtifactCommit | None:
    """The commit for everything that these steps made live; None when there is nothing to record.

    A later step of the same flow wins over an earlier one, as what was left behind comes oldest first.
    """
    delivered = {step.change.key: step for step in steps if step.change.kind not in _REMOVALS and step.flow_id}
    removed = tuple(sorted({step.change.key for step in steps if step.change.kind in _REMOVALS}))
    if not delivered and not removed:
        return None
    flows = tuple(
        DeliveredFlow(_recorded(delivered[key], organization.dialect, now), _public(delivered[key].export))
        for key in sorted(delivered)
        if delivered[key].version
    )
    return ArtifactCommit(
        organization=organization.name,
        policy=organization.artifacts,
        flows=flows,
        removed=removed,
        organization_id=organization_id,
        store_id=store_id,
        revision=_one_revision(steps),
        deployment=deployment,
        summary=tuple(
            SECRETS.text(f"{step.change.flow}: {step.change.kind.value}, {step.change.reason}") for step in steps
        ),
    )


def draft_commit(
    organization: Organization, change: Change, export: Export, *, revision: str, now: datetime
) -> ArtifactCommit:
    """The commit that keeps somebody's draft."""
    return ArtifactCommit(
        organization=organization.name,
        policy=organization.artifacts,
        drafts=(SavedDraft(change.flow, now.strftime("%Y-%m-%dT%H-%M-%SZ"), _masked(export)),),
        revision=revision,
        summary=(f"{change.flow}: a draft, before its lock is overridden",),
    )


def _public(export: Export | None) -> Export | None:
    return None if export is None else _masked(export)


def _masked(export: Export) -> Export:
    yaml, definition = SECRETS.exact(export.yaml), SECRETS.exact(export.definition)
    return replace(
        export,
        yaml=yaml if isinstance(yaml, str) else None,
        definition=definition if isinstance(definition, Mapping) else None,
    )


def _recorded(step: StepResult, dialect: str, now: datetime) -> RecordedFlow:
    change = step.change
    return RecordedFlow(
        key=change.key,
        manifest=change.flow,
        flow_id=step.flow_id or "",
        version=step.version or "",
        source_digest=step.source_digest,
        export_digest=step.export_digest,
        dependency_digest=step.dependency_digest,
        consumed=_known(step.consumed),
        revision=step.revision or None,
        recorded_at=now,
        dirty=step.dirty,
        dialect=dialect,
    )


def _known(consumed: Mapping[FlowKey, str]) -> dict[FlowKey, str]:
    return {key: consumed[key] for key in sorted(consumed)}


def _one_revision(steps: Sequence[StepResult]) -> str | None:
    """The revision that asked for all of it; the latest when they come from several."""
    revisions = [step.revision for step in steps if step.revision]
    return revisions[-1] if revisions else None
