"""Makes a pass the only writer of an organisation, under any name in manifests, with its own history.

`identify` finds the organisation of a manifest. A lease belongs to that identity, so two manifests of one organisation
wait for each other; `held_lease` renews it during a pass. A name that was given to another organisation is moved only
while both organisations' leases are held and no delivery is open.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import structlog

from controller.domain.desired import Organization
from controller.domain.errors.delivery import DeliveryUnfinished, LeaseHeld, LeaseLost
from controller.domain.errors.process import StoreFailed
from controller.domain.organization_identity import OrganizationIdentity
from controller.domain.platform import Priority
from controller.domain.ports import Platform
from controller.domain.recorded import NO_REVISION
from controller.reconcile.holder import is_dead
from controller.reconcile.pass_ import PassRequest
from controller.reconcile.services import Services
from controller.store.audit import AuditEntry
from controller.store.leases import Lease
from controller.store.records import SyncRecord

# Two renewals in a row may fail: the third still comes before the lease ends.
_RENEWALS_PER_TTL = 4

log = structlog.get_logger()


async def identify(
    services: Services, organization: Organization, platform: Platform, priority: Priority
) -> OrganizationIdentity:
    """The identity, with the organisation's own id if it is known; each client asks until it gets an answer.

    Raises what reading the organisation raises.
    """
    identity = services.identity(organization)
    if identity.organization_id is not None:
        return identity
    organization_id = await platform.at(priority).organization_id()
    if organization_id is None:
        return identity
    services.store.identities.learn(replace(identity, organization_id=organization_id))
    return services.identity(organization)


@contextlib.asynccontextmanager
async def held_lease(services: Services, identity: OrganizationIdentity, request: PassRequest) -> AsyncIterator[Lease]:
    """Take the lease, renew it in the background, release it. Raises LeaseHeld and DeliveryUnfinished.

    A failed renewal is only logged: the decisive check is in the journal, which refuses every write without the lease.
    """
    lease = take_organization(services, identity, request)
    renewal = asyncio.create_task(_renew(services, lease), name=f"lease {lease}")
    try:
        yield lease
    finally:
        # First: a renewal after the release would report a lost lease.
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


def take_organization(services: Services, identity: OrganizationIdentity, request: PassRequest) -> Lease:
    """Take the organisation's lease and bind the manifest's name to it, in one transaction.

    Raises LeaseHeld, and DeliveryUnfinished if the name belonged to another organisation with an unfinished delivery.
    """
    with services.store.together():
        services.store.bindings.alone()
        lease, known = _lease_of(services, identity, request.organization)
        _bind(services, known, request)
    return lease


def at_work(services: Services, name: str) -> str | None:
    """The controller that holds the lease, unless its process on this machine is dead."""
    current = services.store.leases.holder(name)
    return current.holder if current is not None and not is_dead(current.holder) else None


def _acquire(services: Services, name: str, manifest: str) -> Lease:
    """Take the lease of an organisation for a manifest. Raises LeaseHeld when another controller or manifest has it.

    The lease of a holder that died on this machine is freed at once.
    """
    leases, ttl_s = services.store.leases, services.settings.lease_ttl
    try:
        return leases.acquire(name, services.holder, manifest=manifest, ttl_s=ttl_s)
    except LeaseHeld:
        current = leases.holder(name)
        if current is None or not is_dead(current.holder):
            raise
    log.info("lease.freed", organization=manifest, dead=current.holder)
    # By its fence: a lease that another controller has taken meanwhile is left alone.
    leases.release(current)
    return leases.acquire(name, services.holder, manifest=manifest, ttl_s=ttl_s)


def _lease_of(services: Services, identity: OrganizationIdentity, manifest: str) -> tuple[Lease, OrganizationIdentity]:
    # First the client's lease and then the organisation's own: no controller may go on under the lesser name.
    by_client = _acquire(services, identity.by_client, manifest)
    known = services.store.identities.known(identity)
    if known.key == by_client.name:
        return by_client, known
    lease = _acquire(services, known.key, manifest)
    services.store.leases.release(by_client)
    # Under the client's lease another controller may have written before the organisation's own was known.
    return replace(lease, undisturbed=lease.undisturbed and by_client.undisturbed), known


def _bind(services: Services, identity: OrganizationIdentity, request: PassRequest) -> None:
    bindings, name = services.store.bindings, request.organization
    bound = bindings.bind(name, identity.key)
    if bound == identity.key:
        return
    if bound == identity.by_client:
        log.info("organization.identified", organization=name, identity=identity.key)
        bindings.refine(name, identity.key)
        return
    _move(services, bound, identity, request)


def _move(services: Services, bound: str, identity: OrganizationIdentity, request: PassRequest) -> None:
    """Give the name to another organisation. Taking the old one's lease waits for a delivery that runs there."""
    store, name = services.store, request.organization
    old = _acquire(services, bound, name)
    unfinished = store.journal.unfinished(name)
    if unfinished:
        raise DeliveryUnfinished(
            f"{name}: the manifest leads to the organisation {identity} now, and {_listed(unfinished)} in {bound}; "
            "nothing is written to either",
            hint=f"let the manifest lead to {bound} again (address, client) until `penstock apply` has ended it there, "
            f"or give the manifest of {identity} a name of its own",
        )
    kept = store.bindings.move(name, bound, identity.key)
    store.leases.release(old)
    log.warning("organization.moved", organization=name, old=bound, new=identity.key, kept_as=kept)
    details = {"from": bound, "to": identity.key, "history_kept_as": kept}
    store.audit.append(AuditEntry(name, "rebind", "success", request.actor, details=details))


def refuse_other_names(services: Services, identity: OrganizationIdentity, name: str) -> None:
    """Raise DeliveryUnfinished when a delivery to this organisation under another name is unfinished.

    Only the controller that began it has the manifests and the record to finish it.
    """
    store = services.store
    for other in store.bindings.names({identity.key, identity.by_client}):
        if other == name:
            continue
        unfinished = [sync for sync in store.journal.unfinished(other) if sync.writes_on]
        if unfinished:
            raise DeliveryUnfinished(
                f"{name}: {other} is the same organisation ({identity}), and {_listed(unfinished)} there; "
                "nothing is written",
                hint=f"let `penstock apply` or the controller end it under the name {other} first; "
                "where the manifest was renamed, give it its old name back until then",
            )


def _listed(syncs: Sequence[SyncRecord]) -> str:
    """`delivery 12 (revision 0123abc, begun 2026-01-05 12:00 UTC) is unfinished`."""
    each = [f"{sync.id} ({_revision(sync)}begun {sync.started_at:%Y-%m-%d %H:%M} UTC)" for sync in syncs]
    return f"delivery {each[0]} is unfinished" if len(each) == 1 else f"deliveries {', '.join(each)} are unfinished"


def _revision(sync: SyncRecord) -> str:
    return "" if sync.revision == NO_REVISION else f"revision {sync.revision[:12]}, "
