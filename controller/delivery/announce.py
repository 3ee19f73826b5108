"""Notify change management of the end of each migration; the outbox keeps the message until it is delivered."""

from __future__ import annotations

from collections.abc import Mapping

from controller.delivery.change_run import EFFECTIVE, ChangeRun
from controller.delivery.sync_run import AuditFacts
from controller.domain.errors import PenstockError

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
    _announce(run, _ROLLBACK, error, facts, told=not retried)


def _announce(
    run: ChangeRun, action: str, error: PenstockError | None, facts: AuditFacts, *, told: bool = True
) -> None:
    """A receiver never blocks or fails it."""
    receivers = run.sync.settings.announce_to if told else ()
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
    actions = {f"{prefix}{action}" for action in EFFECTIVE}
    for write in reversed(run.record.writes):
        if write.action in actions:
            return (write.result or {}).get("ticket") or write.details.get("job")
    return None
