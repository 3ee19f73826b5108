"""Records a delivery: a commit with its exports, and one audit entry for each flow.

Everyone who can clone the repository can read that commit. So values from the environment are masked there, while
digests cover the organisation's export.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from controller.delivery.result import StepResult, SyncResult
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.repository import GitRemoteFailed, RepositoryFailed
from controller.domain.platform import Export
from controller.domain.recorded import RecordedFlow
from controller.domain.redaction import SECRETS
from controller.domain.status import StepState
from controller.planning.model import Change, ChangeKind
from controller.reconcile.drift import note_delivered
from controller.reconcile.pass_ import Held
from controller.repository.artifacts import ArtifactCommit, DeliveredFlow, SavedDraft, export_paths, outcome_text
from controller.repository.record import RecordedCommit
from controller.store.audit import AuditEntry

_TOGETHER = 50
"""Audit entries that are appended in one transaction."""
_REMOVALS = (ChangeKind.UNPUBLISH, ChangeKind.DELETE)


async def prepare_records(held: Held) -> None:
    """Move a record from the followed branch to the records branch, push pending records, and name this controller."""
    organization, known = held.organization, held.services.store.known_branches
    repository = held.workspace.repository
    tip = await asyncio.to_thread(
        repository.begin_records, organization.name, organization.artifacts, held.require_lease, held.look
    )
    if tip is not None and organization.artifacts.branch not in known.of(organization.name):
        known.note(organization.name, organization.artifacts.branch, tip)
    for made in await asyncio.to_thread(repository.flush_pending, held.require_lease):
        _append(held, "success", {"details": {**_of_commit(made), "kept_before": True}})
    if held.services.has_to_claim(organization.name):
        await _claim(held)


async def _claim(held: Held) -> None:
    """Have the lock file name this store and its controller's address: commands in other stores then refuse."""
    name, services = held.organization.name, held.services
    commit = ArtifactCommit(
        organization=name,
        policy=held.organization.artifacts,
        store_id=services.store.known_branches.store_id,
        server=services.settings.public_url,
        claims=True,
    )
    made = await asyncio.to_thread(held.workspace.repository.record, commit, held.require_lease)
    services.claimed.add(name)
    if made.branch is not None and made.sha is not None:
        services.store.known_branches.note(name, made.branch, made.sha)
    if made.changed:
        _append(held, "success", {"details": {**_of_commit(made), "server": commit.server}})


async def record_sync(held: Held, result: SyncResult) -> RecordedCommit | None:
    """Commit the versions that a sync made live, with exports, and push. Versions of a failed sync are included."""
    note_delivered(held, result.steps)
    return await record_steps(held, result.to_record, f"{held.request.organization}-{result.sync_id}")


def as_recorded(result: SyncResult) -> SyncResult:
    """The result once its exports are committed."""
    steps = [
        replace(step, state=StepState.RECORDED) if step.state is StepState.EXPORTED else step for step in result.steps
    ]
    return replace(result, steps=tuple(steps))


async def record_steps(held: Held, steps: Sequence[StepResult], deployment: str) -> RecordedCommit | None:
    """Commit the versions that these steps made live, and note it in the journal; None if there are none.

    Raises what `Repository.record` raises, LeaseLost and StoreFailed.
    """
    commit = _artifact_commit(held, steps, deployment)
    if commit is None:
        return None
    made = await _committed(held, commit)
    if made.branch is not None and made.sha is not None:
        held.services.store.known_branches.note(held.request.organization, made.branch, made.sha)
    # After the commit: a process that dies in between records again, and the same files make no new commit.
    held.delivery().recorded(held.lease, steps)
    return made


async def keep_draft(held: Held, change: Change, export: Export) -> None:
    """Commit another person's draft before its lock is overridden."""
    commit = ArtifactCommit(
        organization=held.organization.name,
        policy=held.organization.artifacts,
        drafts=(SavedDraft(change.flow, held.services.clock.now().strftime("%Y-%m-%dT%H-%M-%SZ"), _masked(export)),),
        revision=held.workspace.revision,
        summary=(f"{change.flow}: a draft, before its lock is overridden",),
    )
    await _committed(held, commit)


def _artifact_commit(held: Held, steps: Sequence[StepResult], deployment: str) -> ArtifactCommit | None:
    """The commit for all versions that these steps made live; None if there are none.

    Recovered steps come oldest first, so a later step of a flow replaces an earlier one.
    """
    delivered = {step.change.key: step for step in steps if step.change.kind not in _REMOVALS and step.flow_id}
    removed = tuple(sorted({step.change.key for step in steps if step.change.kind in _REMOVALS}))
    if not delivered and not removed:
        return None
    organization, now = held.organization, held.services.clock.now()
    flows = tuple(
        DeliveredFlow(_recorded(step, organization.dialect, now), None if step.export is None else _masked(step.export))
        for _, step in sorted(delivered.items())
        if step.version
    )
    approvers = held.services.store.approvals.by_steps([step.step_id for step in steps])
    revisions = [step.revision for step in steps if step.revision]
    return ArtifactCommit(
        organization=organization.name,
        policy=organization.artifacts,
        flows=flows,
        removed=removed,
        organization_id=held.identity.organization_id,
        store_id=held.services.store.known_branches.store_id,
        server=held.services.settings.public_url,
        revision=revisions[-1] if revisions else None,
        deployment=deployment,
        outcome=outcome_text({step.change.flow: _outcome(step) for step in steps}),
        approved_by=SECRETS.text(", ".join(approvers)) or None,
        summary=tuple(
            SECRETS.text(f"{step.change.flow}: {step.change.kind.value}, {step.change.reason}") for step in steps
        ),
    )


def _outcome(step: StepResult) -> str:
    """How a change ended, as the trailer of its record says it."""
    if step.state.going_back:
        return "rolled-back"
    if step.change.kind in _REMOVALS:
        return "removed"
    return "adopted" if step.change.kind is ChangeKind.ADOPT else "delivered"


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
        consumed={key: step.consumed[key] for key in sorted(step.consumed)},
        revision=step.revision or None,
        recorded_at=now,
        dirty=step.dirty,
        dialect=dialect,
    )


async def _committed(held: Held, commit: ArtifactCommit) -> RecordedCommit:
    """Commit and push. The message has the head of the audit chain; each flow's entry names the commit or the error."""
    clock, head = held.services.clock, held.services.store.audit.head(held.request.organization)
    commit = replace(commit, audit_head=str(head) if head.position else None)
    started_s = clock.monotonic()
    try:
        made = await asyncio.to_thread(held.workspace.repository.record, commit, held.require_lease)
    except (GitRemoteFailed, RepositoryFailed) as error:
        _append_commit(held, commit, (clock.monotonic() - started_s) * 1000, error)
        raise
    _append_commit(held, commit, (clock.monotonic() - started_s) * 1000, made)
    return made


def _append_commit(held: Held, commit: ArtifactCommit, took_ms: float, outcome: RecordedCommit | PenstockError) -> None:
    error = outcome if isinstance(outcome, PenstockError) else None
    status = "success" if error is None else "failure"
    commit_facts = _of_commit(outcome) if isinstance(outcome, RecordedCommit) else {"code": outcome.code}
    about = {"latency_ms": took_ms, "error": None if error is None else error.message}
    entries = [{**about, **facts, "details": {**commit_facts, **facts["details"]}} for facts in _parts(commit)]
    # Not all at once: nobody else can append meanwhile, and a first record may have thousands.
    for first in range(0, len(entries), _TOGETHER):
        with held.services.store.together():
            for facts in entries[first : first + _TOGETHER]:
                _append(held, status, facts)


def _parts(commit: ArtifactCommit) -> Iterator[dict[str, Any]]:
    """What the commit holds of each flow, delivered or removed, and of each draft."""
    paths = export_paths(commit)
    for flow in commit.flows:
        key, flow_id, version = flow.recorded.key, flow.recorded.flow_id or None, flow.recorded.version
        details = {"deployment": commit.deployment, "artifact_paths": paths.get(key, [])}
        yield {"flow": str(key), "flow_id": flow_id, "version": version, "details": details}
    for key in commit.removed:
        yield {"flow": str(key), "details": {"deployment": commit.deployment, "removed": True}}
    for draft in commit.drafts:
        yield {"details": {"draft": draft.manifest}}


def _of_commit(made: RecordedCommit) -> dict[str, object]:
    return {"commit": made.sha, "branch": made.branch, "pushed": made.pushed, "changed": made.changed}


def _append(held: Held, status: str, facts: Mapping[str, Any]) -> None:
    entry = AuditEntry(
        held.request.organization,
        "record",
        status,
        held.actor,
        author=held.author,
        revision=held.workspace.revision,
        **facts,
    )
    held.services.store.audit.append(entry)
