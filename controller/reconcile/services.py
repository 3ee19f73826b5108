"""What every pass needs and no pass owns: the store, the clock, connections."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import cached_property

import structlog

from controller.delivery import DeliverySettings
from controller.domain.clock import Clock, SystemClock
from controller.domain.desired import Credentials, Organization
from controller.domain.organization_identity import OrganizationIdentity
from controller.domain.ports import Platform
from controller.genesys import RouteLatency, TransportSettings, connect, latency
from controller.notify import Receiver
from controller.reconcile.announcing import Announcements, receiver_of
from controller.reconcile.credentials import client_credentials
from controller.reconcile.holder import own_name
from controller.reconcile.settings import Settings
from controller.store import Store

log = structlog.get_logger()


@dataclass
class Services:
    """One for each process. Connections are kept, so that a token and the request budget are shared by all passes."""

    settings: Settings
    store: Store
    clock: Clock = field(default_factory=SystemClock)
    connect: Callable[..., Platform] = connect
    """Opens connections; called as `genesys.connect` is."""
    _platforms: dict[tuple[str, str], Platform] = field(default_factory=dict)
    _clients: dict[tuple[str, Credentials], tuple[str, str]] = field(default_factory=dict, repr=False)
    _delivers: bool = False
    """Whether a delivery was begun, and there may be something to announce."""

    @cached_property
    def receiver(self) -> Receiver | None:
        """Who is told of migrations. Raises SettingsInvalid when the operator's settings for it will not do."""
        return receiver_of(self.settings)

    @property
    def announcements(self) -> Announcements:
        """What sends the messages that wait. Raises SettingsInvalid as `receiver` does."""
        return Announcements(self.store, self.receiver, self.clock)

    @property
    def holder(self) -> str:
        """How this process names itself in leases."""
        return self.settings.holder or own_name()

    def client_id(self, organization: Organization) -> str:
        """Who we are in an organisation: locks of this client are our own."""
        return self._client(organization)[0]

    def identity(self, organization: Organization) -> OrganizationIdentity:
        """Which organisation the manifest leads to, as far as it is known without asking it."""
        identity = OrganizationIdentity(organization.endpoint.api_url.rstrip("/"), self.client_id(organization))
        return self.store.identities.known(identity)

    def delivery_settings(self, organization: Organization) -> DeliverySettings:
        """How patient a delivery is, which client's locks are its own, and who is notified. Raises SettingsInvalid."""
        told = (self.receiver.name,) if self.receiver is not None else ()
        self._delivers = True
        settings = self.settings
        return DeliverySettings(
            poll_base_s=settings.publish_poll,
            publish_timeout_s=settings.publish_timeout,
            upload_timeout_s=settings.upload_timeout,
            rollback_timeout_s=settings.rollback_timeout,
            lock_wait_s=settings.conflict_poll,
            lock_attempts=max(round(settings.conflict_timeout / settings.conflict_poll), 1),
            listens=settings.notifications,
            lease_ttl_s=settings.lease_ttl,
            client_name=self.client_id(organization),
            allowed_hosts=settings.gate_hosts,
            announce_to=told,
        )

    async def read_credentials(self, organization: Organization) -> None:
        """Read an organisation's credentials anew, off the event loop; all that needs them uses these from then on.

        Raises CredentialNotAllowed and SettingsInvalid.
        """
        key = (organization.name, organization.credentials)
        self._clients.pop(key, None)
        self._clients[key] = await asyncio.to_thread(client_credentials, organization, self.settings)

    def _client(self, organization: Organization) -> tuple[str, str]:
        key = (organization.name, organization.credentials)
        if key not in self._clients:
            self._clients[key] = client_credentials(organization, self.settings)
        return self._clients[key]

    def platform(self, organization: Organization) -> Platform:
        """The connection to an organisation; opened at first use and again when its credentials or scopes changed."""
        client_id, secret = self._client(organization)
        scope = " ".join(organization.credentials.scopes) or None
        identity = f"{organization.endpoint}|{organization.dialect}|{client_id}|{hash(secret)}|{scope}"
        known = self._platforms.get((organization.name, identity))
        if known is None:
            known = self.connect(
                organization.endpoint,
                organization.dialect,
                client_id,
                secret,
                clock=self.clock,
                settings=TransportSettings(
                    rate_limit_per_minute=self.settings.rate_limit,
                    page_size=self.settings.page_size,
                    cache_ttl_s=self.settings.list_ttl,
                    poll_s=self.settings.job_poll,
                    scope=scope,
                ),
            )
            self._platforms[(organization.name, identity)] = known
        return known.called_by(organization.flows)

    def latencies(self) -> dict[str, tuple[RouteLatency, ...]]:
        """By organisation, how long the calls of its open connection took; of the newest, where there are several."""
        return {name: latency(platform) for (name, _), platform in self._platforms.items()}

    async def disconnect(self) -> None:
        """Close all connections; the next use opens them again. Deliveries are announced first, for a while."""
        if self._delivers:
            await self.announcements.flush()
        for (name, _), platform in self._platforms.items():
            for route in latency(platform):
                log.info("api.latency", organization=name, **asdict(route))
            await platform.aclose()
        self._platforms.clear()
