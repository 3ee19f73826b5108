"""The organisation's dependency index of flows' consumers. It can be stale, and reports that."""

from __future__ import annotations

from controller.domain.live import LiveFlow
from controller.domain.platform import IndexedConsumers, IndexedFlow, Priority
from controller.genesys.call import ApiCall
from controller.genesys.paging import PageOf, all_pages
from controller.genesys.part import PlatformPart
from controller.genesys.wire.architect import Dependency, IndexBuild
from controller.genesys.wire.model import ListPage

_TRACKING = "/api/v2/architect/dependencytracking"
_PAGE_SIZE = 100
OPERATIONAL = "OPERATIONAL"


class ArchitectIndex(PlatformPart):
    """Implements `DependencyIndex`."""

    async def state(self) -> str:
        """`OPERATIONAL`, or a state in which the index is unreliable."""
        call = ApiCall("GET", f"{_TRACKING}/build", priority=self._usually(Priority.OBSERVE))
        return (await self._transport.fetch(call, IndexBuild)).status

    async def consumers(self, flow: LiveFlow) -> IndexedConsumers:
        """The published flows that consume this flow. The index has a row per version: rows are grouped by flow."""
        partial = False

        async def page(call: ApiCall) -> PageOf[Dependency]:
            nonlocal partial
            answer = await self._transport.send(call)
            partial = partial or answer.status == 206
            found = self._transport.read(call, answer, ListPage[Dependency])
            rows = [row for row in found.entities if not row.deleted and row.type.upper().endswith("FLOW")]
            return PageOf(rows, found, [(row.id, row.version, row.type) for row in found.entities])

        query = {"id": flow.id, "objectType": object_type(flow.key.type), "flowFilter": "published"}
        priority = self._usually(Priority.OBSERVE)
        call = ApiCall("GET", f"{_TRACKING}/consumingresources", query=query, priority=priority)
        listing = await all_pages(self._transport, call, page, page_size=_PAGE_SIZE)
        rows = sorted(listing.items, key=lambda one: (one.name or "", one.id))
        return IndexedConsumers([IndexedFlow(row.id, row.type, row.name) for row in rows], complete=not partial)


def object_type(flow_type: str) -> str:
    """The index's name for a flow type: INBOUNDCALLFLOW; a workflow stays WORKFLOW."""
    name = flow_type.upper()
    return name if name.endswith("FLOW") else f"{name}FLOW"
