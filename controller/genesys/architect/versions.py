"""The versions of a flow: their list, what each refers to, its validation and its export."""

from __future__ import annotations

from collections.abc import Sequence

from controller.domain.identity import version_rank
from controller.domain.platform import Export, Priority, ValidationReport
from controller.domain.references import FlowReference
from controller.domain.versions import VersionInfo
from controller.genesys.architect.exports import Exports, configuration
from controller.genesys.architect.flows import PAGE_SIZE
from controller.genesys.architect.references import references_of
from controller.genesys.architect.routes import FLOW
from controller.genesys.architect.validation import validate
from controller.genesys.call import ApiCall
from controller.genesys.paging import PageOf, consistent_pages, page_of
from controller.genesys.part import Part
from controller.genesys.transport import Transport
from controller.genesys.wire.architect import FlowVersion, WireVersionPage


class ArchitectVersions(Part):
    """Implements `Versions`."""

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self._exports = Exports(transport)

    async def of(self, flow_id: str) -> Sequence[VersionInfo]:
        """All versions, newest first. Raises NotFound."""

        async def page(call: ApiCall) -> PageOf[FlowVersion]:
            answer = await self._transport.fetch(call, WireVersionPage)
            return page_of(answer.entities, answer)

        call = ApiCall("GET", f"{FLOW}/versions", {"flowId": flow_id}, priority=self._usually(Priority.OBSERVE))
        listing = await consistent_pages(self._transport, call, page, page_size=PAGE_SIZE)
        return sorted(map(_version, listing.items), key=lambda info: version_rank(info.version), reverse=True)

    async def references(self, flow_id: str, version: str) -> Sequence[FlowReference]:
        """The flows that a version calls, transfers or hands over to, ordered. Raises NotFound."""
        priority = self._usually(Priority.OBSERVE)
        return references_of(await configuration(self._transport, flow_id, version, priority))

    async def validate(self, flow_id: str, version: str) -> ValidationReport:
        return await validate(self._transport, flow_id, version, self._usually(Priority.PUBLISH))

    async def export(self, flow_id: str, version: str) -> Export:
        return await self._exports.export(flow_id, version, self._usually(Priority.EXPORT))


def _version(version: FlowVersion) -> VersionInfo:
    return VersionInfo(
        version=version.id,
        status=_status(version),
        created_at=version.date_created or version.date_checked_in or version.date_saved,
        created_by=version.author,
        created_by_id=version.author_id,
        published_at=version.date_published,
        published_until=version.date_published_end,
    )


def _status(version: FlowVersion) -> str:
    """The live version is `deployed`, one that was live is `published`, all others are drafts."""
    if version.date_published is not None:
        return "published" if version.date_published_end is not None else "deployed"
    return "published" if version.type == "PUBLISH" else "draft"
