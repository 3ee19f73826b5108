"""The architect dialect: the Platform API v2, for which Genesys ships SDKs."""

from __future__ import annotations

from controller.domain.capabilities import ARCHITECT
from controller.genesys.architect.account import ArchitectAccount
from controller.genesys.architect.dependencies import ArchitectIndex
from controller.genesys.architect.executions import ArchitectExecutionFiles, ArchitectExecutions, ArchitectLaunches
from controller.genesys.architect.flows import ArchitectFlows
from controller.genesys.architect.notifications import ArchitectNotifications
from controller.genesys.architect.publish import ArchitectLocks, ArchitectPublishing, ArchitectRemoval
from controller.genesys.architect.recording import ArchitectRecording
from controller.genesys.architect.upload import ArchitectUploads
from controller.genesys.architect.versions import ArchitectResources, ArchitectVersions
from controller.genesys.part import ConnectedPlatform
from controller.genesys.transport import Transport


class ArchitectPlatform(ConnectedPlatform):
    dialect = ARCHITECT

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self._account = ArchitectAccount(transport)
        self.flows = self.changes = ArchitectFlows(transport)
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

    async def organization_id(self) -> str | None:
        found = await self._account.organization()
        return (found.id or None) if found else None

    async def organization_name(self) -> str | None:
        found = await self._account.organization()
        return (found.name or None) if found else None
