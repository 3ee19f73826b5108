"""Reads flows: the listing, one flow, several by id, a flow by name, and recently published flows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from hashlib import blake2b

from controller.domain.errors.organization import BadAnswer, NotFound
from controller.domain.identity import FlowKey
from controller.domain.live import LastChange, LiveFlow, LockHolder
from controller.domain.platform import FlowListing, Priority
from controller.domain.waiting import for_each
from controller.genesys.architect.jobs import ready
from controller.genesys.bodies import parse
from controller.genesys.call import Answer, ApiCall, QueryValue
from controller.genesys.paging import PagedItems, PageOf, all_pages, consistent_pages, pages_of
from controller.genesys.part import PlatformPart, only_flow
from controller.genesys.transport import Transport
from controller.genesys.wire.architect import HistoryPage, WireFlow, WireOperation
from controller.genesys.wire.model import ListPage, WirePage

MOST_FLOWS = 500
"""The largest page of flows that Genesys' own Terraform provider requests; no document gives a limit."""
PAGE_SIZE = 100
"""The largest page of any other list that a client by Genesys is known to request."""
FLOWS = "/api/v2/flows"
FLOW = "/api/v2/flows/{flowId}"
LOOKUP = "/api/v2/flows/lookup"
_CHANGING = ("PUBLISH", "DEACTIVATE")
_NEWEST: Mapping[str, QueryValue] = {
    "action": _CHANGING,
    "sortBy": "timestamp",
    "sortOrder": "desc",
    "pageNumber": 1,
    "pageSize": 25,
}


class ArchitectFlows(PlatformPart):
    """Implements `Flows` and `ChangedFlows`."""

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self._pages = _KnownPages()

    async def listing(self, *, fresh: bool = False) -> FlowListing:  # noqa: ARG002 - every listing here is fresh
        """Every flow in `ceil(total / 500)` calls, without deleted flows and system flows."""
        transport = self._transport
        call = ApiCall("GET", FLOWS, priority=self._usually(Priority.OBSERVE))

        async def fetch(page: ApiCall) -> PageOf[LiveFlow]:
            return await transport.fetch_as(page, lambda answer: self._pages.read(page, answer))

        found = await consistent_pages(transport, call, fetch, page_size=_flows_a_page(transport))
        return FlowListing(list(found.items), complete=found.consistent, calls=found.pages)

    async def changed_since(self, since: datetime) -> FlowListing:
        query = {"publishedAfter": since.isoformat().replace("+00:00", "Z")}
        return _listed(await self._chosen(query, Priority.OBSERVE))

    async def get(self, flow_id: str) -> LiveFlow | None:
        flow = await read_flow(self._transport, flow_id, self._usually(Priority.PUBLISH))
        return live_flow(flow) if flow else None

    async def get_many(self, flow_ids: Collection[str]) -> Mapping[str, LiveFlow]:
        """Costs one call for each hundred flows."""
        ids = sorted(set(flow_ids))
        parts = [ids[start : start + PAGE_SIZE] for start in range(0, len(ids), PAGE_SIZE)]

        async def one(part: Sequence[str]) -> PagedItems[WireFlow]:
            call = ApiCall("GET", LOOKUP, query={"id": part}, priority=self._usually(Priority.OBSERVE))
            return await self._all_pages(call, PAGE_SIZE)

        listings = await for_each(parts, one)
        return {flow.id: live_flow(flow) for listing in listings for flow in listing.items if _counts(flow)}

    async def find(self, key: FlowKey) -> LiveFlow | None:
        """Compares type and name exactly, because the API's own filter matches loosely and ignores case."""
        listing = await self._chosen({"type": [key.type], "name": key.name}, Priority.PUBLISH)
        return only_flow(map(live_flow, filter(_counts, listing.items)), key)

    async def last_change(self, flow_id: str) -> LastChange | None:
        """The newest publish, or the unpublish after it; None if the history has neither. Two calls.

        The request does not change the flow. Raises NotFound, and ServerFault when the history is not ready in time.
        """
        transport = self._transport
        asking = ApiCall("POST", f"{FLOW}/history", {"flowId": flow_id}, body={}, repeatable=True)
        history = await transport.fetch(asking, WireOperation)
        call = ApiCall("GET", f"{FLOW}/history/{{historyId}}", {"flowId": flow_id, "historyId": history.id}, _NEWEST)
        page = await transport.fetch(call, HistoryPage)
        late = "the history was not ready in time"
        page = await ready(transport, call, page, lambda answer: answer.complete is False, late)
        if page.action_status == "FAILURE":
            raise BadAnswer(f"{call.name}: the organisation could not put the history together")
        changes = (
            LastChange(entry.version if entry.action == "PUBLISH" else None, entry.timestamp, entry.author)
            for entry in page.entities or []
            if entry.action in _CHANGING and entry.timestamp is not None
        )
        return max(changes, key=lambda change: change.at, default=None)

    async def _chosen(self, query: Mapping[str, QueryValue], usual: Priority) -> PagedItems[WireFlow]:
        call = ApiCall("GET", FLOWS, query=query, priority=self._usually(usual))
        return await self._all_pages(call, _flows_a_page(self._transport))

    async def _all_pages(self, call: ApiCall, page_size: int) -> PagedItems[WireFlow]:
        pages = pages_of(self._transport, ListPage[WireFlow])
        return await all_pages(self._transport, call, pages, page_size=page_size)


class _KnownPages:
    """The last answer to each call of the listing: an organisation at rest answers the same bytes again."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[bytes, PageOf[LiveFlow]]] = {}

    def read(self, call: ApiCall, answer: Answer) -> PageOf[LiveFlow]:
        """The flows of a page, without deleted and system flows. Raises as `parse` does."""
        asked, digest = str(call.params()), blake2b(answer.content).digest()
        known = self._last.get(asked)
        if known is None or known[0] != digest:
            known = self._last[asked] = digest, _page(parse(call, answer, ListPage[WireFlow]))
        return known[1]


def _page(found: ListPage[WireFlow]) -> PageOf[LiveFlow]:
    announced = WirePage(
        page_size=found.page_size, page_count=found.page_count, total=found.total, next_uri=found.next_uri
    )
    flows = [live_flow(flow) for flow in found.entities if _counts(flow)]
    return PageOf(flows, announced, [flow.id for flow in found.entities])


async def read_flow(transport: Transport, flow_id: str, priority: Priority) -> WireFlow | None:
    """One flow as the API returns it; None if it does not exist or was deleted."""
    try:
        flow = await transport.fetch(ApiCall("GET", FLOW, {"flowId": flow_id}, priority=priority), WireFlow)
    except NotFound:
        return None
    return None if flow.deleted else flow


def _flows_a_page(transport: Transport) -> int:
    """The page size for listings of flows: the operator's, up to the largest that is known to work."""
    return min(transport.settings.page_size, MOST_FLOWS)


def _listed(found: PagedItems[WireFlow]) -> FlowListing:
    flows = [live_flow(flow) for flow in found.items if _counts(flow)]
    return FlowListing(flows, complete=found.consistent, calls=found.pages)


def _counts(flow: WireFlow) -> bool:
    return not flow.deleted and not flow.system


def live_flow(flow: WireFlow) -> LiveFlow:
    """The API's flow as a domain value."""
    published = flow.published_version
    publisher = flow.published_by.label if flow.published_by else None
    return LiveFlow(
        id=flow.id,
        key=FlowKey(flow.type.lower(), flow.name),
        published_version=published.id if published else None,
        checked_in_version=flow.checked_in_version.id if flow.checked_in_version else None,
        locked_by=lock_holder(flow),
        status="published" if published else "draft",
        published_at=published.date_published if published else None,
        published_by=publisher or (published.author if published else None),
        author_id=published.author_id if published else None,
        division=(flow.division.name or flow.division.id) if flow.division else None,
        has_draft=_has_draft(flow),
    )


def lock_holder(flow: WireFlow) -> LockHolder | None:
    """The holder of the lock: a person or a service client."""
    since = flow.saved_version.date_saved if flow.saved_version else None
    if flow.locked_user:
        return LockHolder(flow.locked_user.label, "user", since, flow.locked_user.id)
    if flow.locked_client:
        return LockHolder(flow.locked_client.label, "client", since, flow.locked_client.id)
    return None


def _has_draft(flow: WireFlow) -> bool:
    """Whether there is a saved version that is neither checked in nor published: its id is `saved_version_...`."""
    if flow.saved_version is None:
        return False
    known = {version.id for version in (flow.checked_in_version, flow.published_version) if version}
    return flow.saved_version.id not in known
