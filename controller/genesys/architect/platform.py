"""The architect dialect: the Platform API v2, for which Genesys ships SDKs."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from datetime import timedelta
from typing import Self

from controller.domain.capabilities import ARCHITECT, CAPABILITIES
from controller.domain.desired import DesiredFlow
from controller.domain.platform import Capability, Priority
from controller.genesys.architect import account
from controller.genesys.architect.dependencies import ArchitectIndex
from controller.genesys.architect.executions import ArchitectExecutionFiles, ArchitectExecutions, ArchitectLaunches
from controller.genesys.architect.flows import ArchitectFlows
from controller.genesys.architect.notifications import ArchitectNotifications
from controller.genesys.architect.publish import ArchitectLocks, ArchitectPublishing, ArchitectRemoval
from controller.genesys.architect.recording import ArchitectRecording
from controller.genesys.architect.upload import ArchitectUploads
from controller.genesys.architect.versions import ArchitectResources, ArchitectVersions
from controller.genesys.transport import Transport


class ArchitectPlatform:
    """Implements `Platform`."""

    dialect = ARCHITECT

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        transport.dialect = ARCHITECT
        self._priority = Priority.OBSERVE
        self.flows = ArchitectFlows(transport)
        self.versions = ArchitectVersions(transport)
        self.publishing = ArchitectPublishing(transport)
        self.resources = ArchitectResources(transport)
        self.uploads = ArchitectUploads(transport)
        self.locks = ArchitectLocks(transport)
        self.removal = ArchitectRemoval(transport)
        self.dependency_index = ArchitectIndex(transport)
        self.executions = ArchitectExecutions(transport)
        self.execution_files = ArchitectExecutionFiles(transport)
        self.launches = ArchitectLaunches(transport)
        self.notifications = ArchitectNotifications(transport)
        self.recording = ArchitectRecording(transport)
        self.listed_definitions = None
        self.traces = None
        self.action_traces = None

    def at(self, priority: Priority) -> Self:
        view = copy(self)
        view._priority = priority  # noqa: SLF001 - its own copy
        view.flows, view.versions = self.flows.at(priority), self.versions.at(priority)
        view.publishing, view.uploads = self.publishing.at(priority), self.uploads.at(priority)
        view.locks, view.removal = self.locks.at(priority), self.removal.at(priority)
        return view

    def called_by(self, flows: Iterable[DesiredFlow]) -> Self:  # noqa: ARG002 - flows tell their type here
        return self

    @property
    def changes(self) -> ArchitectFlows:
        return self.flows

    @property
    def capabilities(self) -> frozenset[Capability]:
        return CAPABILITIES[ARCHITECT]

    @property
    def clock_ahead(self) -> timedelta:
        return self.transport.clock_ahead

    async def organization_id(self) -> str | None:
        return await account.organization_id(self.transport, self._priority)

    async def organization_name(self) -> str | None:
        return await account.organization_name(self.transport)

    async def aclose(self) -> None:
        await self.transport.aclose()
