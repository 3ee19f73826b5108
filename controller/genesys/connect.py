"""The entrance: an organisation's `Platform` from its endpoint and a client."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from copy import copy
from typing import Self
from weakref import WeakValueDictionary

import httpx

from controller.domain.capabilities import ARCHITECT, VERSIONED
from controller.domain.clock import Clock
from controller.domain.desired import DesiredFlow, Endpoint
from controller.domain.errors.process import SettingsInvalid
from controller.domain.ports import Platform
from controller.genesys.architect.account import ArchitectAccount
from controller.genesys.architect.dependencies import ArchitectIndex
from controller.genesys.architect.executions import ArchitectExecutionFiles, ArchitectExecutions, ArchitectLaunches
from controller.genesys.architect.flows import ArchitectFlows
from controller.genesys.architect.notifications import ArchitectNotifications
from controller.genesys.architect.publish import ArchitectLocks, ArchitectPublishing, ArchitectRemoval
from controller.genesys.architect.recording import ArchitectRecording
from controller.genesys.architect.resource_listings import ArchitectResourceListings
from controller.genesys.architect.upload import ArchitectUploads
from controller.genesys.architect.versions import ArchitectResources, ArchitectVersions
from controller.genesys.auth import OAuthClient, TokenSource
from controller.genesys.budget import RateBudget
from controller.genesys.circuit import Circuit
from controller.genesys.latency import CallObserver, RouteLatency
from controller.genesys.part import ConnectedPlatform
from controller.genesys.permissions import needed_by
from controller.genesys.sender import ApiSender
from controller.genesys.settings import TransportSettings
from controller.genesys.transport import Transport
from controller.genesys.versioned.debugging import VersionedActionTraces
from controller.genesys.versioned.flows import VersionedFlows
from controller.genesys.versioned.listing import CachedListing
from controller.genesys.versioned.publish import VersionedPublishing
from controller.genesys.versioned.traces import VersionedExecutions, VersionedTraces
from controller.genesys.versioned.versions import VersionDirectory, VersionedVersions

_TALKATIVE = ("httpx", "httpcore", "websockets.client")
_budgets: WeakValueDictionary[tuple[object, ...], RateBudget] = WeakValueDictionary()
"""The limit counts for a credential, not for a connection: all connections of a credential share its budget."""


class VersionedPlatform(ConnectedPlatform):
    """Per-version endpoints, staged rollouts, atomic switches and traces."""

    dialect = VERSIONED
    flows: VersionedFlows

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        listing, versions = CachedListing(transport), VersionDirectory(transport)
        self.flows = VersionedFlows(transport, listing, versions)
        self.versions = VersionedVersions(transport, listing, versions)
        self.publishing = VersionedPublishing(transport, self.flows, listing, versions)
        self.listed_definitions = listing
        self.executions = VersionedExecutions(transport, versions)
        self.traces = VersionedTraces(transport)
        self.action_traces = VersionedActionTraces(transport)

    def called_by(self, flows: Iterable[DesiredFlow]) -> Self:
        view = copy(self)
        view.flows = self.flows.called_by(flows)
        return view


class ArchitectPlatform(ConnectedPlatform):
    """The Platform API v2, for which Genesys ships SDKs."""

    dialect = ARCHITECT

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self._account = ArchitectAccount(transport)
        self.flows = self.changes = ArchitectFlows(transport)
        self.versions = ArchitectVersions(transport)
        self.publishing = ArchitectPublishing(transport)
        self.resources = ArchitectResources(transport)
        self.organization_resources = ArchitectResourceListings(transport)
        self.uploads = ArchitectUploads(transport)
        self.locks = ArchitectLocks(transport)
        self.removal = ArchitectRemoval(transport)
        self.dependency_index = ArchitectIndex(transport)
        self.executions = ArchitectExecutions(transport)
        self.execution_files = ArchitectExecutionFiles(transport)
        self.launches = ArchitectLaunches(transport)
        self.notifications = ArchitectNotifications(transport)
        self.recording = ArchitectRecording(transport)

    async def organization_id(self) -> str | None:
        found = await self._account.organization()
        return (found.id or None) if found else None

    async def organization_name(self) -> str | None:
        found = await self._account.organization()
        return (found.name or None) if found else None


def connect(
    endpoint: Endpoint,
    dialect: str,
    client_id: str,
    client_secret: str,
    *,
    clock: Clock,
    settings: TransportSettings = TransportSettings(),  # noqa: B008 - frozen
    http: httpx.AsyncBaseTransport | None = None,
) -> ConnectedPlatform:
    """An organisation as `Platform`; nothing is sent before the first call. Close it with `aclose`.

    `http` replaces the network in tests. Raises SettingsInvalid for a dialect that does not exist.
    """
    if dialect not in (ARCHITECT, VERSIONED):
        raise SettingsInvalid(f"there is no dialect {dialect!r}", hint=f"use {ARCHITECT} or {VERSIONED}")
    transport = open_transport(endpoint, client_id, client_secret, clock=clock, settings=settings, http=http)
    return ArchitectPlatform(transport) if dialect == ARCHITECT else VersionedPlatform(transport)


def transport_of(platform: Platform) -> Transport:
    """The transport below a connected organisation. Raises TypeError for any other implementation of the port."""
    if not isinstance(platform, ConnectedPlatform):
        raise TypeError(f"{type(platform).__name__} was not opened by connect()")
    return platform.transport


def latency(platform: Platform) -> tuple[RouteLatency, ...]:
    """The latency of every call made so far, per method and route template, in milliseconds (D10)."""
    return transport_of(platform).latency.snapshot()


def observe_calls(platform: Platform, observer: CallObserver) -> None:
    """Let the observer see every call from now on, in place of an earlier observer."""
    transport_of(platform).latency.observer = observer


def permissions_used(platform: Platform) -> tuple[str, ...]:
    """The permissions (versioned: scopes) of the calls that were made so far, sorted."""
    calls = {f"{route.method} {route.route}" for route in latency(platform)}
    return tuple(sorted({each for call in calls for each in needed_by(call, platform.dialect)}))


def open_transport(
    endpoint: Endpoint,
    client_id: str,
    client_secret: str,
    *,
    clock: Clock,
    settings: TransportSettings,
    http: httpx.AsyncBaseTransport | None = None,
) -> Transport:
    """The transport below both dialects."""
    _quieten_libraries()
    sender = ApiSender(clock, settings, transport=http)
    circuit = Circuit(clock, outage_s=settings.outage_s, probe_after_s=settings.probe_after_s)
    client = OAuthClient(client_id, client_secret, settings.scope)
    tokens = TokenSource(sender, endpoint.login_url, client, circuit=circuit, clock=clock)
    budget = _budget(endpoint.api_url, client_id, clock, settings)
    return Transport(endpoint, sender, tokens, budget, clock=clock, settings=settings)


def _budget(api_url: str, client_id: str, clock: Clock, settings: TransportSettings) -> RateBudget:
    limit, reserve, concurrency = settings.rate_limit_per_minute, settings.reserve, settings.concurrency
    # The clock itself, not its id: another clock could get the id of one that is gone.
    key = (api_url.rstrip("/"), client_id, clock, limit, reserve, concurrency)
    return _budgets.setdefault(key, RateBudget(clock, limit=limit, reserve=reserve, concurrency=concurrency))


def _quieten_libraries() -> None:
    """Let only the libraries' warnings through: their other messages hold whole URLs, signed ones included."""
    for name in _TALKATIVE:
        logger = logging.getLogger(name)
        if logger.level < logging.WARNING:
            logger.setLevel(logging.WARNING)
