"""Dropping what need not be kept any longer, once a day."""

from __future__ import annotations

import structlog

from controller.domain.clock import Clock
from controller.domain.errors import StoreFailed
from controller.store import Store

INTERVAL_S = 86_400.0

log = structlog.get_logger()


async def keep_house(store: Store, clock: Clock) -> None:
    """Purge audit entries that are older than is kept, and delivered messages after 30 days, until cancelled."""
    while True:
        try:
            audit, messages = store.audit.purge(), store.outbox.purge()
        except (StoreFailed, OSError) as error:
            log.warning("housekeeping.failed", error=str(error))
        else:
            log.info("housekeeping.done", audit_entries=audit, messages=messages)
        await clock.sleep(INTERVAL_S)
