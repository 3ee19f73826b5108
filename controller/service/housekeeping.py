"""Removes what is kept for a time only: in small batches, so that deliveries do not wait for it.

`penstock run` does so once a day, and `penstock apply` after a delivery, because a store may never see the former.
"""

from __future__ import annotations

import asyncio
from itertools import islice

import structlog

from controller.domain.clock import Clock
from controller.domain.errors.process import StoreFailed
from controller.store.store import Store

log = structlog.get_logger()

_INTERVAL_S = 24 * 3600.0
_PAUSE_S = 0.2
_BATCHES_OF_COMMAND = 10
"""A person waits for a command, and the next one removes more."""


async def keep_house(store: Store, clock: Clock) -> None:
    """Purge audit entries, history, released quarantines and done actions past their time, and sent messages.

    Messages are kept for 30 days after they were delivered.

    Repeats until cancelled.
    """
    while True:
        try:
            removed = {**_remove_small(store), "syncs": await _remove_history(store, clock)}
        except (StoreFailed, OSError) as error:
            log.warning("housekeeping.failed", error=str(error))
        else:
            log.info("housekeeping.done", **removed)
        await clock.sleep(_INTERVAL_S)


def tidy(store: Store) -> None:
    """Do the same once, with at most 1,000 rows of the history. An error is logged: the delivery before it counts."""
    try:
        _remove_small(store)
        for batch in islice(store.history.old().batches(), _BATCHES_OF_COMMAND):
            store.history.remove(batch)
    except (StoreFailed, OSError) as error:
        log.warning("housekeeping.failed", error=str(error))


def _remove_small(store: Store) -> dict[str, int]:
    """All but the history; returns how many of each went."""
    return {
        "audit_entries": store.audit.purge(),
        "messages": store.outbox.purge(),
        "quarantines": store.history.remove_released(),
        "actions": store.actions.purge(),
    }


async def _remove_history(store: Store, clock: Clock) -> int:
    """In a thread, because all of the history is read; returns how many syncs went."""
    removed = 0
    for batch in (await asyncio.to_thread(store.history.old)).batches():
        removed += await asyncio.to_thread(store.history.remove, batch)
        await clock.sleep(_PAUSE_S)
    return removed
