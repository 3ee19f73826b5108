"""Removes what is kept for a time only: in small batches, so that deliveries do not wait for it.

`penstock run` does so once a day, and `penstock apply` after a delivery, because a store may never see the former.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from itertools import islice

import structlog

from controller.domain.clock import Clock
from controller.domain.errors.process import StoreFailed
from controller.questions.audit_proof import AuditProver, Recorded
from controller.store.audit_reading import AuditReading
from controller.store.store import Store

log = structlog.get_logger()

_INTERVAL_S = 24 * 3600.0
_PAUSE_S = 0.2
_BATCHES_OF_COMMAND = 10
"""A person waits for a command, and the next one removes more."""


async def keep_house(store: Store, clock: Clock, audited: Callable[[Mapping[str, int]], None]) -> None:
    """Purge audit entries, history, released quarantines and done actions past their time, and sent messages.

    Messages are kept for 30 days after they were delivered. Then the chains of the audit log are checked, and `audited`
    is called with the number of faults of each organisation.

    Repeats until cancelled.
    """
    while True:
        try:
            removed = {**_remove_small(store), "syncs": await _remove_history(store, clock)}
        except (StoreFailed, OSError) as error:
            log.warning("housekeeping.failed", error=str(error))
        else:
            log.info("housekeeping.done", **removed)
            await _check_audit(store, clock, audited)
        await clock.sleep(_INTERVAL_S)


async def _check_audit(store: Store, clock: Clock, audited: Callable[[Mapping[str, int]], None]) -> None:
    """The store's chains alone: `penstock audit verify` compares them with daily files and record commits, too."""
    prover = AuditProver(AuditReading(store.database), (), Recorded({}, {}), clock.now().date())
    try:
        # In a thread, because all of the log is read.
        proof = await asyncio.to_thread(prover.prove)
    except StoreFailed as error:
        log.warning("audit.not-checked", error=error.message)
        return
    for finding in proof.findings:
        log.error("audit.broken", finding=str(finding))
    counts = Counter(finding.organization for finding in proof.findings)
    audited({chain.organization: counts[chain.organization] for chain in proof.chains})


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
