"""Which versions of flows are live and since when, so that executions can be held against them."""

from __future__ import annotations

from controller.diagnosis import LiveModule
from controller.domain.desired import Organization
from controller.reconcile.services import Services


async def live_modules(services: Services, organization: Organization) -> dict[str, LiveModule]:
    """The published versions by flow id; without those whose time of publishing the organisation does not tell.

    Costs one listing. Raises what the listing raises.
    """
    listing = await services.platform(organization).flows.listing()
    return {
        flow.id: LiveModule(flow.published_version, flow.published_at)
        for flow in listing.flows
        if flow.published_version is not None and flow.published_at is not None
    }
