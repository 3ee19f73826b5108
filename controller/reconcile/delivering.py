"""Opens deliveries with the operator's settings. Only what delivers imports it: a plan starts without `delivery`."""

from __future__ import annotations

from collections.abc import Callable

from controller.delivery.delivery import Delivery
from controller.delivery.sync_run import DeliveryEvent, DeliverySettings
from controller.domain.desired import Organization
from controller.domain.ports import Platform
from controller.reconcile.services import Services

OpenDelivery = Callable[
    [Services, Platform, Organization, Callable[[DeliveryEvent], None], Callable[[], bool]], Delivery
]
"""The signature of `open_delivery`."""


def open_delivery(
    services: Services,
    platform: Platform,
    organization: Organization,
    on_event: Callable[[DeliveryEvent], None],
    stopping: Callable[[], bool],
) -> Delivery:
    """Delivers to one organisation, and stops once `stopping` returns true. Raises SettingsInvalid."""
    return Delivery(
        platform,
        services.store,
        services.clock,
        delivery_settings(services, organization),
        on_event=on_event,
        stopping=stopping,
    )


def delivery_settings(services: Services, organization: Organization) -> DeliverySettings:
    """Waiting times, our client's id and notifications for deliveries. Raises SettingsInvalid."""
    receiver, settings = services.receiver, services.settings
    return DeliverySettings(
        poll_base_s=settings.publish_poll,
        publish_timeout_s=settings.publish_timeout,
        upload_timeout_s=settings.upload_timeout,
        rollback_timeout_s=settings.rollback_timeout,
        lock_wait_s=settings.conflict_poll,
        lock_attempts=max(round(settings.conflict_timeout / settings.conflict_poll), 1),
        listens=settings.notifications,
        export_flows=settings.export_flows,
        lease_ttl_s=settings.lease_ttl,
        client_name=services.client_id(organization),
        allowed_hosts=settings.gate_hosts,
        announce_to=() if receiver is None else (receiver.name,),
    )
