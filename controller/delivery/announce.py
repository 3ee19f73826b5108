"""Telling change management that a flow's version moved; kept in the outbox until the receiver has it."""

from __future__ import annotations

from controller.delivery.context import Context
from controller.delivery.work import Work

EVENT_TYPE = "flow_version_migration"


def announce_migration(context: Context, work: Work, *, action: str = "migrate") -> None:
    """Write the migration's audit entry, and one message with it for every receiver. Never blocks or fails."""
    record = work.record
    entry = context.audit(
        work,
        action,
        "success",
        version=record.live_version,
        details={
            "change": work.change.kind.value,
            "previous_version": record.previous_version,
            "flow_id": record.flow_id,
        },
    )
    payload = {"event_type": EVENT_TYPE, "data": entry.to_json()}
    for target in context.settings.announce_to:
        context.store.outbox.add(target, EVENT_TYPE, payload)
