"""Holding an organisation's lease for as long as a pass lasts."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import structlog

from controller.domain.errors import LeaseLost, StoreFailed
from controller.domain.organization_identity import OrganizationIdentity
from controller.reconcile.binding import take_organization
from controller.reconcile.pass_ import PassRequest
from controller.reconcile.services import Services
from controller.store import Lease

_RENEWALS_PER_TTL = 4

log = structlog.get_logger()


@contextlib.asynccontextmanager
async def held_lease(services: Services, identity: OrganizationIdentity, request: PassRequest) -> AsyncIterator[Lease]:
    """Take the organisation, renew in the background, release. Raises LeaseHeld and DeliveryUnfinished.

    A renewal that fails is only logged: the journal refuses every write of a holder that lost its lease, and that is
    the check that counts.
    """
    lease = take_organization(services, identity, request)
    renewal = asyncio.create_task(_renew(services, lease), name=f"lease {lease}")
    try:
        yield lease
    finally:
        renewal.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await renewal
        with contextlib.suppress(LeaseLost, StoreFailed):
            services.store.leases.release(lease)


async def _renew(services: Services, lease: Lease) -> None:
    while True:
        await services.clock.sleep(services.settings.lease_ttl / _RENEWALS_PER_TTL)
        try:
            services.store.leases.renew(lease, ttl_s=services.settings.lease_ttl)
        except LeaseLost:
            log.warning("lease.lost", organization=str(lease))
            return
        except StoreFailed as error:
            log.warning("lease.renewal-failed", organization=str(lease), error=error.message)
