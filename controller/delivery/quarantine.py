"""Quarantine: failed content is not delivered again until git changes it."""

from __future__ import annotations

from controller.delivery.change_run import ChangeRun
from controller.delivery.sync_run import SyncRun
from controller.domain.errors import FlowRejected, GateFailed, OutOfBandChange, PenstockError, PlanStale, PublishFailed
from controller.domain.redaction import SECRETS
from controller.planning.model import ChangeKind

VERDICTS = (FlowRejected, PublishFailed, GateFailed)
"""Errors that say something about content: failed validation, a failed publish, a failed gate."""


def quarantine(run: ChangeRun, reason: str) -> None:
    """Quarantine the desired state of the change, where a failure of the sync says something about content.

    Transient failures (outage, lock, stale plan, unreadable response) do not quarantine, and neither does a rollback on
    request: the requester decides. A republish is quarantined only for a failure of its own, not for one of the module
    that it follows: its content is unchanged, and it must be able to follow that module or a corrected one.
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
    """Lift the quarantine of content that was delivered again all the same, and is healthy now."""
    for run in sync.runs:
        if run.state.to_record and run.error is None:
            organization, wanted = sync.organization.name, run.record.wanted
            sync.store.quarantines.release(organization, run.key, by=sync.record.actor, wanted=wanted)


def deserves_quarantine(error: PenstockError) -> bool:
    """Whether the same content would fail again."""
    return isinstance(error, VERDICTS)


def harmless(run: ChangeRun) -> bool:
    """Whether a change failed before anything was written, and not because of its content.

    A missing version, a lock or an out-of-band change is no reason to roll the sync back, as if the plan had blocked
    the change: the rollback would repeat in every pass. The same holds where an out-of-band publish ended the change.
    """
    if isinstance(run.error, PlanStale | OutOfBandChange):
        return True
    return not run.touched and run.error is not None and not deserves_quarantine(run.error)


def _follows_another(run: ChangeRun) -> bool:
    return any(other.key in run.record.consumes for other in run.sync.runs)
