"""Taking one lease, and telling who has it; one whose holder died on this machine need not be waited out."""

from __future__ import annotations

import structlog

from controller.domain.errors import LeaseHeld
from controller.reconcile.holder import is_dead
from controller.reconcile.services import Services
from controller.store import Lease

log = structlog.get_logger()


def at_work(services: Services, name: str) -> str | None:
    """The controller that holds the lease and is alive, as far as can be told."""
    current = services.store.leases.holder(name)
    return current.holder if current is not None and not is_dead(current.holder) else None


def acquire(services: Services, name: str, manifest: str) -> Lease:
    """Take the lease of an organisation for a manifest. Raises LeaseHeld when another controller or manifest has it."""
    leases, ttl_s = services.store.leases, services.settings.lease_ttl
    try:
        return leases.acquire(name, services.holder, manifest=manifest, ttl_s=ttl_s)
    except LeaseHeld:
        current = leases.holder(name)
        if current is None or not is_dead(current.holder):
            raise
    log.info("lease.freed", organization=manifest, dead=current.holder)
    leases.release(current)
    return leases.acquire(name, services.holder, manifest=manifest, ttl_s=ttl_s)
