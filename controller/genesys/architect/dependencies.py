"""The organisation's dependency index: who consumes a flow. It can be stale, and says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from controller.genesys.call import Call, QueryValue
from controller.genesys.paging import PageOf, all_pages
from controller.genesys.transport import Transport
from controller.genesys.wire.architect import Dependency, DependencyPage, IndexBuild

_TRACKING = "/api/v2/architect/dependencytracking"
_PAGE_SIZE = 100
OPERATIONAL = "OPERATIONAL"


@dataclass(frozen=True, slots=True)
class Consumers:
    """The flows that consume one flow, each once. `complete` is False while the index is being built."""

    flows: Sequence[Dependency]
    complete: bool


async def index_state(transport: Transport) -> str:
    """`OPERATIONAL`, or why the index cannot be relied on."""
    return (await transport.fetch(Call("GET", f"{_TRACKING}/build"), IndexBuild)).status


async def consumers(transport: Transport, flow_id: str, flow_type: str) -> Consumers:
    """The published flows that consume this flow. The index answers a row for each version: they are grouped."""
    partial = False

    async def page(call: Call) -> PageOf[Dependency]:
        nonlocal partial
        answer = await transport.send(call)
        partial = partial or answer.status == 206
        found = transport.read(call, answer, DependencyPage)
        rows = [row for row in found.entities if not row.deleted and row.type.upper().endswith("FLOW")]
        return PageOf(rows, found, [(row.id, row.version, row.type) for row in found.entities])

    query: dict[str, QueryValue] = {"id": flow_id, "objectType": object_type(flow_type), "flowFilter": "published"}
    call = Call("GET", f"{_TRACKING}/consumingresources", query=query)
    listing = await all_pages(transport, call, page, page_size=_PAGE_SIZE)
    return Consumers(sorted(listing.items, key=lambda one: (one.name or "", one.id)), complete=not partial)


def object_type(flow_type: str) -> str:
    """The index's name for a flow type: INBOUNDCALLFLOW; a workflow stays WORKFLOW."""
    name = flow_type.upper()
    return name if name.endswith("FLOW") else f"{name}FLOW"
