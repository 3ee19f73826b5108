"""Shared services of all passes: the store, the clock, connections, and the last plans."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

import structlog

from controller.domain.clock import Clock, SystemClock
from controller.domain.desired import Credentials, Organization
from controller.domain.live import LiveState
from controller.domain.organization_identity import OrganizationIdentity
from controller.domain.platform import CallLoad
from controller.domain.ports import Platform
from controller.domain.recorded import RecordedState
from controller.genesys.connect import connect, latency, observe_calls
from controller.genesys.latency import CallObserver, RouteLatency
from controller.genesys.settings import TransportSettings
from controller.notify.dispatcher import OnTry
from controller.notify.receiver import Receiver
from controller.notify.webhook import WebhookTarget
from controller.planning.inputs import PlanInputs
from controller.planning.model import Plan
from controller.planning.plan import make_plan
from controller.reconcile.announcing import Announcements, receiver_of
from controller.reconcile.credentials import client_credentials
from controller.reconcile.holder import own_name
from controller.reconcile.looks import Looks
from controller.reconcile.notifications import Notifications
from controller.reconcile.settings import Settings
from controller.store.store import Store

if TYPE_CHECKING:  # a plan does without these modules
    from controller.delivery.delivery import Delivery
    from controller.delivery.sync_run import DeliveryEvent
    from controller.reconcile.delivering import OpenDelivery

log = structlog.get_logger()
_CONNECTIONS = 2
"""To one organisation at most: a pull request may be planned with other credentials than those of the last pass."""
_NO_TIME = datetime.min.replace(tzinfo=UTC)
"""No plan depends on the time of the observation."""


@dataclass
class Services:
    """The services of one process. Connections are kept, so that all passes share tokens and request budgets."""

    settings: Settings
    store: Store
    clock: Clock = field(default_factory=SystemClock)
    connect: Callable[..., Platform] = connect
    """Opens connections, with the signature of `genesys.connect`."""
    observer: Callable[[str], CallObserver] | None = None
    """Makes for an organisation what sees every call over the connections that are opened from now on."""
    on_try: OnTry | None = None
    """Told of each try to send a message."""
    notifications: Notifications = field(default_factory=Notifications)
    """Who is told of what happens to organisations; empty in a process that only looks."""
    open_delivery: OpenDelivery | None = None
    """`delivering.open_delivery` in a process that delivers; None in one that only looks, which does not import it."""
    claimed: set[str] = field(default_factory=set)
    """The organisations whose lock files name this process's store and address, as far as it has looked."""
    _platforms: dict[tuple[str, str], Platform] = field(default_factory=dict)
    _clients: dict[tuple[str, Credentials], tuple[str, str]] = field(default_factory=dict, repr=False)
    _retired: list[Platform] = field(default_factory=list)
    """Connections that are to be closed: of organisations that are gone, and of credentials that were replaced."""
    _delivered: set[str] = field(default_factory=set)
    """The organisations that a delivery was started to, so that there may be messages to send."""

    def of(self, settings: Settings) -> Services:
        """The services for the organisations of one repository: its settings, and all else shared with these."""
        return self if settings is self.settings else replace(self, settings=settings)

    @cached_property
    def looks(self) -> Looks:
        """The last looks of this process at organisations."""
        return Looks(self.clock, self.settings.full_look_interval)

    @cached_property
    def plans(self) -> PlanMemory:
        """The last plans of this process."""
        return PlanMemory()

    @cached_property
    def receiver(self) -> Receiver | None:
        """The receiver of notifications. Raises SettingsInvalid for unusable settings."""
        return receiver_of(self.settings)

    @property
    def announcements(self) -> Announcements:
        """The sender of queued messages. Raises SettingsInvalid as `receiver` does."""
        targets = dict(self.notifications.targets)
        if self.receiver is not None:
            targets[self.receiver.name] = WebhookTarget(self.receiver, self.clock)
        return Announcements(self.store, targets, self.clock, self.on_try)

    @property
    def holder(self) -> str:
        """The name of this process in leases."""
        return self.settings.holder or own_name()

    def has_to_claim(self, organization: str) -> bool:
        """Whether this controller has an address, and has not yet had the lock file name it."""
        return self.settings.public_url is not None and organization not in self.claimed

    def client_id(self, organization: Organization) -> str:
        """Our client id in an organisation; locks of this client are our own."""
        return self._client(organization)[0]

    def identity(self, organization: Organization) -> OrganizationIdentity:
        """The identity of the manifest's organisation, as far as it is known without a call."""
        identity = OrganizationIdentity(organization.endpoint.api_url.rstrip("/"), self.client_id(organization))
        return self.store.identities.known(identity)

    def delivery(
        self,
        platform: Platform,
        organization: Organization,
        on_event: Callable[[DeliveryEvent], None],
        stopping: Callable[[], bool],
    ) -> Delivery:
        """Delivers to an organisation. Raises SettingsInvalid, and RuntimeError in a process that only looks."""
        if self.open_delivery is None:
            raise RuntimeError("these services have no open_delivery: this process only looks")
        opened = self.open_delivery(self, platform, organization, on_event, stopping)
        self._delivered.add(organization.name)
        return opened

    async def read_credentials(self, organization: Organization) -> None:
        """Read the organisation's credentials again, off the event loop, for all later uses.

        Raises CredentialNotAllowed and SettingsInvalid.
        """
        key = (organization.name, organization.credentials)
        # Forgotten first: where reading fails, no pass continues with the old secret.
        self._clients.pop(key, None)
        self._clients[key] = await asyncio.to_thread(client_credentials, organization, self.settings)
        await self.close_retired()

    def _client(self, organization: Organization) -> tuple[str, str]:
        key = (organization.name, organization.credentials)
        if key not in self._clients:
            self._clients[key] = client_credentials(organization, self.settings)
        return self._clients[key]

    def platform(self, organization: Organization) -> Platform:
        """The connection to an organisation, opened at first use and again after a change of credentials or scopes."""
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
                    export_flows=self.settings.export_flows,
                    scope=scope,
                ),
            )
            if self.observer is not None:
                observe_calls(known, self.observer(organization.name))
            self._platforms[(organization.name, identity)] = known
            self._retire(organization.name, keep=_CONNECTIONS)
        return known.called_by(organization.flows)

    def forget(self, organization: str) -> None:
        """Keep nothing in memory of an organisation that no pass is about any more; `close_retired` ends it."""
        self._retire(organization, keep=0)
        self.plans.forget(organization)
        for key in [key for key in self._clients if key[0] == organization]:
            del self._clients[key]

    def _retire(self, organization: str, *, keep: int) -> None:
        keys = [key for key in self._platforms if key[0] == organization]
        self._retired += [self._platforms.pop(key) for key in keys[: max(len(keys) - keep, 0)]]

    async def close_retired(self) -> None:
        """Close the connections that are not needed any more."""
        while self._retired:
            await self._retired.pop().aclose()

    def latencies(self) -> dict[str, tuple[RouteLatency, ...]]:
        """Latencies of calls by organisation, over its newest connection."""
        return {name: latency(platform) for (name, _), platform in self._platforms.items()}

    def loads(self) -> dict[str, CallLoad]:
        """How calls use the request budgets, by organisation, over its newest connection."""
        return {name: platform.load for (name, _), platform in self._platforms.items()}

    async def disconnect(self) -> None:
        """Close all connections; the next use opens them again. Queued messages are sent first, for a short time."""
        if self._delivered:
            await self.announcements.flush()
        for (name, _), platform in self._platforms.items():
            for route in latency(platform):
                log.info("api.latency", organization=name, **asdict(route))
            await platform.aclose()
        self._platforms.clear()
        await self.close_retired()


@dataclass(frozen=True, slots=True)
class _Made:
    organization: Organization
    live: LiveState
    recorded: RecordedState
    inputs: PlanInputs
    plan: Plan


class PlanMemory:
    """The plans of one process: for each organisation one with its resources, and one without.

    To compare the inputs takes a hundredth of planning.
    """

    def __init__(self) -> None:
        self._last: dict[tuple[str, bool], _Made] = {}

    def plan(self, organization: Organization, live: LiveState, recorded: RecordedState, inputs: PlanInputs) -> Plan:
        """The plan of `make_plan`, made only where anything differs from the last time.

        Another reading of the same manifests makes it again: a plan holds the sources that it was made from.
        """
        live = replace(live, observed_at=_NO_TIME)
        place = organization.name, bool(live.resources)
        last = self._last.get(place)
        if last is not None and last.organization is organization and _same(last, live, recorded, inputs):
            return last.plan
        plan = make_plan(organization, live, recorded, inputs)
        self._last[place] = _Made(organization, live, recorded, inputs, plan)
        return plan

    def forget(self, organization: str) -> None:
        """Drop the plans of an organisation."""
        for resources in (False, True):
            self._last.pop((organization, resources), None)


def _same(last: _Made, live: LiveState, recorded: RecordedState, inputs: PlanInputs) -> bool:
    return (last.live, last.recorded, last.inputs) == (live, recorded, inputs)
