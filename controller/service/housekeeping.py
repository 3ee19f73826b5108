"""Once a day, removes what is kept for a time only: in small batches, so that deliveries do not wait for it."""

from __future__ import annotations

import asyncio

import structlog

from controller.domain.clock import Clock
from controller.domain.errors import StoreFailed
from controller.store.store import Store

log = structlog.get_logger()

_INTERVAL_S = 24 * 3600.0
_PAUSE_S = 0.2


async def keep_house(store: Store, clock: Clock) -> None:
    """Purge audit entries, history and released quarantines past their time, and messages delivered 30 days ago.

    Repeats until cancelled.
    """
    while True:
        try:
            audit, messages = store.audit.purge(), store.outbox.purge()
            quarantines, syncs = store.history.remove_released(), await _remove_history(store, clock)
        except (StoreFailed, OSError) as error:
            log.warning("housekeeping.failed", error=str(error))
        else:
            log.info("housekeeping.done", audit_entries=audit, messages=messages, syncs=syncs, quarantines=quarantines)
        await clock.sleep(_INTERVAL_S)


async def _remove_history(store: Store, clock: Clock) -> int:
    """In a thread, because all of the history is read; returns how many syncs went."""
    removed = 0
    for batch in (await asyncio.to_thread(store.history.old)).batches():
        removed += await asyncio.to_thread(store.history.remove, batch)
        await clock.sleep(_PAUSE_S)
    return removed
