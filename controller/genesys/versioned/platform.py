"""The versioned dialect: per-version endpoints, staged rollouts, atomic switches and traces."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from datetime import timedelta
from typing import Self

from controller.domain.capabilities import CAPABILITIES, VERSIONED
from controller.domain.desired import DesiredFlow
from controller.domain.platform import Capability, Priority
from controller.genesys.transport import Transport
from controller.genesys.versioned.debugging import VersionedActionTraces
from controller.genesys.versioned.flows import VersionedFlows
from controller.genesys.versioned.listing import CachedListing
from controller.genesys.versioned.publish import VersionedPublishing
from controller.genesys.versioned.traces import VersionedExecutions, VersionedTraces
from controller.genesys.versioned.versions import VersionDirectory, VersionedVersions


class VersionedPlatform:
    """Implements `Platform`."""

    dialect = VERSIONED

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        transport.dialect = VERSIONED
        listing, reader = CachedListing(transport), VersionDirectory(transport)
        self.flows = VersionedFlows(transport, listing, reader)
        self.versions = VersionedVersions(transport, listing, reader)
        self.publishing = VersionedPublishing(transport, self.flows, listing, reader)
        self.listed_definitions = listing
        self.executions = VersionedExecutions(transport, reader)
        self.traces = VersionedTraces(transport)
        self.action_traces = VersionedActionTraces(transport)
        self.changes = None
        self.resources = None
        self.uploads = None
        self.locks = None
        self.removal = None
        self.dependency_index = None
        self.execution_files = None
        self.launches = None
        self.notifications = None
        self.recording = None

    def at(self, priority: Priority) -> Self:
        view = copy(self)
        view.flows, view.versions = self.flows.at(priority), self.versions.at(priority)
        view.publishing = self.publishing.at(priority)
        return view

    def called_by(self, flows: Iterable[DesiredFlow]) -> Self:
        view = copy(self)
        view.flows = self.flows.called_by(flows)
        return view

    @property
    def capabilities(self) -> frozenset[Capability]:
        return CAPABILITIES[VERSIONED]

    @property
    def clock_ahead(self) -> timedelta:
        return self.transport.clock_ahead

    async def organization_id(self) -> str | None:
        return None

    async def organization_name(self) -> str | None:
        return None

    async def aclose(self) -> None:
        await self.transport.aclose()
