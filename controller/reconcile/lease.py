"""Holding an organisation's lease for as long as a pass lasts."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import structlog

from controller.domain.errors import LeaseHeld, LeaseLost, StoreFailed
from controller.reconcile.holder import is_dead
from controller.reconcile.services import Services
from controller.store import Lease

_RENEWALS_PER_TTL = 4

log = structlog.get_logger()


@contextlib.asynccontextmanager
async def held_lease(services: Services, organization: str) -> AsyncIterator[Lease]:
    """Acquire, renew in the background, release. Raises LeaseHeld when another controller has it.

    A renewal that fails is only logged: the journal refuses every write of a holder that lost its lease, and that is
    the check that counts.
    """
    lease = _acquire(services, organization)
    renewal = asyncio.create_task(_renew(services, lease), name=f"lease {organization}")
    try:
        yield lease
    finally:
        renewal.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await renewal
        with contextlib.suppress(LeaseLost, StoreFailed):
            services.store.leases.release(lease)


def _acquire(services: Services, organization: str) -> Lease:
    """Take the lease; one whose holder died on this machine need not be waited out."""
    leases = services.store.leases
    try:
        return leases.acquire(organization, services.holder, ttl_s=services.settings.lease_ttl)
    except LeaseHeld:
        current = leases.holder(organization)
        if current is None or not is_dead(current.holder):
            raise
    log.info("lease.freed", organization=organization, dead=current.holder)
    leases.release(current)
    return leases.acquire(organization, services.holder, ttl_s=services.settings.lease_ttl)


async def _renew(services: Services, lease: Lease) -> None:
    while True:
        await services.clock.sleep(services.settings.lease_ttl / _RENEWALS_PER_TTL)
        try:
            services.store.leases.renew(lease, ttl_s=services.settings.lease_ttl)
        except LeaseLost:
            log.warning("lease.lost", organization=lease.name)
            return
        except StoreFailed as error:
            log.warning("lease.renewal-failed", organization=lease.name, error=error.message)
