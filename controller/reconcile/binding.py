"""Becoming the one writer of an organisation, whatever manifests call it, with its own history and no other's.

A lease goes by the organisation's identity: two manifests of one organisation wait for each other. A name that is given
to another organisation is moved only by who holds both organisations' leases, and only when nothing is left open.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from controller.domain.errors import DeliveryUnfinished
from controller.domain.organization_identity import OrganizationIdentity
from controller.reconcile.acquire import acquire
from controller.reconcile.pass_ import PassRequest
from controller.reconcile.services import Services
from controller.repository import NO_REVISION
from controller.store import AuditEntry, Lease, SyncRecord

log = structlog.get_logger()


def take_organization(services: Services, identity: OrganizationIdentity, request: PassRequest) -> Lease:
    """The organisation's lease, with the manifest's name bound to it; in one transaction.

    Raises LeaseHeld, and DeliveryUnfinished when the name stood for another organisation, and a delivery to that one
    was not brought to its end.
    """
    with services.store.together():
        services.store.bindings.alone()
        lease, known = _lease_of(services, identity, request.organization)
        _bind(services, known, request)
    return lease


def _lease_of(services: Services, identity: OrganizationIdentity, manifest: str) -> tuple[Lease, OrganizationIdentity]:
    """First the client's lease and then the organisation's own, so that nobody works on under the lesser name."""
    by_client = acquire(services, identity.by_client, manifest)
    known = services.store.identities.known(identity)
    if known.key == by_client.name:
        return by_client, known
    lease = acquire(services, known.key, manifest)
    services.store.leases.release(by_client)
    return lease, known


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
    """The name was given to another organisation. A delivery to the old one that is at work is waited for."""
    store, name = services.store, request.organization
    old = acquire(services, bound, name)
    unfinished = store.journal.unfinished(name)
    if unfinished:
        raise DeliveryUnfinished(
            f"{name}: the manifest leads to the organisation {identity} now, and {_told(unfinished)} in {bound}; "
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
    """Raise DeliveryUnfinished when a delivery to this organisation under another name was not brought to its end.

    Who began it has its manifests and its record: only there it can be ended rightly.
    """
    store = services.store
    for other in store.bindings.names({identity.key, identity.by_client}):
        if other == name:
            continue
        unfinished = [sync for sync in store.journal.unfinished(other) if sync.writes_on]
        if unfinished:
            raise DeliveryUnfinished(
                f"{name}: {other} is the same organisation ({identity}), and {_told(unfinished)} there; "
                "nothing is written",
                hint=f"let `penstock apply` or the controller end it under the name {other} first; "
                "where the manifest was renamed, give it its old name back until then",
            )


def _told(syncs: Sequence[SyncRecord]) -> str:
    """`delivery 12 (revision 0123abc, begun 2026-01-05 12:00 UTC) is unfinished`."""
    each = [f"{sync.id} ({_revision(sync)}begun {sync.started_at:%Y-%m-%d %H:%M} UTC)" for sync in syncs]
    return f"delivery {each[0]} is unfinished" if len(each) == 1 else f"deliveries {', '.join(each)} are unfinished"


def _revision(sync: SyncRecord) -> str:
    return "" if sync.revision == NO_REVISION else f"revision {sync.revision[:12]}, "
