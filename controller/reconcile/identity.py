"""Finding out which organisation a manifest leads to."""

from __future__ import annotations

from dataclasses import replace

from controller.domain.desired import Organization
from controller.domain.organization_identity import OrganizationIdentity
from controller.domain.platform import Priority
from controller.domain.ports import Platform
from controller.reconcile.services import Services


async def identify(
    services: Services, organization: Organization, platform: Platform, priority: Priority
) -> OrganizationIdentity:
    """The identity with the organisation's own id, where it can be told; each client is asked until it was told.

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
