"""Which wishes are not tried again until git asks for something else."""

from __future__ import annotations

from controller.delivery.change_run import ChangeRun
from controller.delivery.sync_run import SyncRun
from controller.domain.errors import FlowRejected, GateFailed, OutOfBandChange, PenstockError, PlanStale, PublishFailed
from controller.domain.redaction import SECRETS
from controller.planning.model import ChangeKind

VERDICTS = (FlowRejected, PublishFailed, GateFailed)
"""What says something about content: findings of a validation, a publish that failed of it, the verdict of a gate."""


def quarantine(run: ChangeRun, reason: str) -> None:
    """Quarantine what the change asked for.

    Nothing is, where nothing that failed says anything about content: an outage, a lock, a stale plan, an answer that
    nobody could read; nor what was taken back on request, for which whoever asks says what is not to be tried again.
    A republish only follows a module, which may have been delivered by an earlier sync: the caller's unchanged content
    must stay free, or it could follow neither that module nor a corrected one. It is quarantined only where it failed
    by itself.
    """
    if run.on_request and run.error is None:
        return
    if run.change.kind is ChangeKind.REPUBLISH and (run.error is None or _follows_another(run)):
        return
    causes = [other.cause or other.error for other in run.sync.runs]
    if not any(cause is not None and deserves_quarantine(cause) for cause in causes):
        return
    reason = SECRETS.text(reason)
    run.sync.store.quarantines.add(run.sync.organization.name, run.key, run.record.wanted, reason)
    run.tell("wish.quarantined", wanted=run.record.wanted, reason=reason)


def release_proven(sync: SyncRun) -> None:
    """What was tried again in spite of its quarantine, and is live and healthy now, needs none any more."""
    for run in sync.runs:
        if run.state.to_record and run.error is None:
            organization, wanted = sync.organization.name, run.record.wanted
            sync.store.quarantines.release(organization, run.key, by=sync.record.actor, wanted=wanted)


def deserves_quarantine(error: PenstockError) -> bool:
    """Whether the same content would fail again: only where something was said about the content itself."""
    return isinstance(error, VERDICTS)


def harmless(run: ChangeRun) -> bool:
    """Whether a change failed before anything was written, and not of its content, as if the plan had blocked it.

    A version that is not there, a lock, a flow that somebody moved: taking back what others published would only be
    repeated in every pass. The same holds where a stale plan or a publish of somebody's ended what it had begun.
    """
    if isinstance(run.error, PlanStale | OutOfBandChange):
        return True
    return not run.touched and run.error is not None and not deserves_quarantine(run.error)


def _follows_another(run: ChangeRun) -> bool:
    return any(other.key in run.record.consumes for other in run.sync.runs)
