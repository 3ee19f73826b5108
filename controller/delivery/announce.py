"""Telling change management how a flow's migration ended; kept in the outbox until the receiver has it."""

from __future__ import annotations

from collections.abc import Mapping

from controller.delivery.context import AuditFacts, Context
from controller.delivery.work import EFFECTIVE, Work
from controller.domain.errors import PenstockError

EVENT_TYPE = "flow_version_migration"
_ROLLBACK = "rollback"


def announce_migration(context: Context, work: Work, error: PenstockError | None = None) -> None:
    """Write the audit entry of a change that made its version live, or failed to; and tell every receiver of it."""
    facts: AuditFacts = {
        "version": work.record.live_version or work.record.target_version,
        "latency_ms": context.taken_ms(work),
        "details": _details(work, error),
    }
    _announce(context, work, "migrate", error, facts)


def announce_rollback(
    context: Context, work: Work, reason: str, error: PenstockError | None = None, *, retried: bool = False
) -> None:
    """The same for one that was taken back, or could not be; what is `retried` is told when it has ended."""
    version = work.record.previous_version if error else work.record.live_version
    since = context.clock.monotonic() if work.going_back_since is None else work.going_back_since
    facts: AuditFacts = {
        "version": version,
        "latency_ms": (context.clock.monotonic() - since) * 1000,
        "details": {**_details(work, error, prefix=f"{_ROLLBACK}."), "reason": reason},
    }
    _announce(context, work, _ROLLBACK, error, facts, told=not retried)


def _announce(
    context: Context, work: Work, action: str, error: PenstockError | None, facts: AuditFacts, *, told: bool = True
) -> None:
    """Never blocks or fails because of a receiver."""
    receivers = context.settings.announce_to if told else ()
    if error is not None:
        facts["error"] = error.message
    facts["webhook_synced"] = False if receivers else None
    entry = context.audit(work, action, "success" if error is None else "failure", **facts)
    payload = {"event_type": EVENT_TYPE, "data": entry.to_json()}
    for target in receivers:
        context.store.outbox.add(target, EVENT_TYPE, payload, audit_id=entry.id)


def _details(work: Work, error: PenstockError | None, prefix: str = "") -> Mapping[str, object]:
    return {
        "change": work.change.kind.value,
        "previous_version": work.record.previous_version,
        "publish_id": _publish_id(work, prefix),
        **({} if error is None else {"code": error.code}),
    }


def _publish_id(work: Work, prefix: str) -> object:
    """The organisation's id of the newest publish, operation or job; None where there was none."""
    actions = {f"{prefix}{action}" for action in EFFECTIVE}
    for write in reversed(work.record.writes):
        if write.action in actions:
            return (write.result or {}).get("ticket") or write.details.get("job")
    return None
