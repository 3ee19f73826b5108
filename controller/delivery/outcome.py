"""The outcome of a change beyond its flow: failed content is quarantined, and change management is notified.

Content in quarantine is not delivered again until git changes it. The outbox keeps a notification until it is
delivered.
"""

from __future__ import annotations

from collections.abc import Mapping

from controller.delivery.change_run import ChangeRun
from controller.delivery.journal_entries import EFFECTIVE
from controller.delivery.sync_run import AuditFacts, SyncRun
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.change import FlowRejected, GateFailed, OutOfBandChange, PublishFailed
from controller.domain.errors.delivery import PlanStale
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
    organization, quarantines = sync.organization.name, sync.store.quarantines
    active = {(each.key, each.wanted) for each in quarantines.active(organization)}
    for run in sync.runs:
        wanted = run.record.wanted
        if run.state.to_record and run.error is None and (run.key, wanted) in active:
            quarantines.release(organization, run.key, by=sync.record.actor, wanted=wanted)


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


EVENT_TYPE = "flow_version_migration"
_ROLLBACK = "rollback"


def announce_migration(run: ChangeRun, error: PenstockError | None = None) -> None:
    """Audit a change that made its version live, or failed to, and notify every receiver."""
    facts: AuditFacts = {
        "version": run.record.live_version or run.record.target_version,
        "latency_ms": run.taken_ms,
        "details": _details(run, error),
    }
    _announce(run, "migrate", error, facts)


def announce_rollback(
    run: ChangeRun, reason: str, error: PenstockError | None = None, *, retried: bool = False
) -> None:
    """Audit a rollback, done or failed, and notify every receiver; one that is `retried` is announced at its end."""
    version = run.record.previous_version if error else run.record.live_version
    since = run.sync.clock.monotonic() if run.going_back_since is None else run.going_back_since
    facts: AuditFacts = {
        "version": version,
        "latency_ms": (run.sync.clock.monotonic() - since) * 1000,
        "details": {**_details(run, error, prefix=f"{_ROLLBACK}."), "reason": reason},
    }
    _announce(run, _ROLLBACK, error, facts, announced=not retried)


def _announce(
    run: ChangeRun, action: str, error: PenstockError | None, facts: AuditFacts, *, announced: bool = True
) -> None:
    """A receiver never blocks or fails it."""
    receivers = run.sync.settings.announce_to if announced else ()
    if error is not None:
        facts["error"] = error.message
    facts["webhook_synced"] = False if receivers else None
    entry = run.audit(action, "success" if error is None else "failure", **facts)
    payload = {"event_type": EVENT_TYPE, "data": entry.to_json()}
    for target in receivers:
        run.sync.store.outbox.add(target, EVENT_TYPE, payload, audit_id=entry.id)


def _details(run: ChangeRun, error: PenstockError | None, prefix: str = "") -> Mapping[str, object]:
    return {
        "change": run.change.kind.value,
        "previous_version": run.record.previous_version,
        "publish_id": _publish_id(run, prefix),
        **({} if error is None else {"code": error.code}),
    }


def _publish_id(run: ChangeRun, prefix: str) -> object:
    """The organisation's id of the newest publish, operation or job; None where there was none."""
    write = run.last_write(*(f"{prefix}{action}" for action in EFFECTIVE))
    return None if write is None else (write.result or {}).get("ticket") or write.details.get("job")
