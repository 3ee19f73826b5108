"""Reading flows: the listing, one flow, a flow by name, its versions."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from controller.domain.errors import AmbiguousFlow, NotFound
from controller.domain.identity import FlowKey, version_rank
from controller.domain.live import LiveFlow, LockHolder
from controller.domain.platform import FlowListing, Priority
from controller.domain.versions import VersionInfo
from controller.genesys.call import Call, QueryValue
from controller.genesys.concurrently import concurrently
from controller.genesys.paging import Fetch, Listing, PageOf, all_pages, consistent_pages, page_of
from controller.genesys.transport import Transport
from controller.genesys.wire.architect import Flow, FlowPage, FlowVersion, VersionPage

MOST_FLOWS = 500
"""The largest page of flows that Genesys' own Terraform provider asks for; no document tells of more."""
PAGE_SIZE = 100
"""The largest page of any other list that a client of Genesys' is known to ask for."""
FLOWS = "/api/v2/flows"
FLOW = "/api/v2/flows/{flowId}"
LOOKUP = "/api/v2/flows/lookup"


async def list_flows(transport: Transport, priority: Priority) -> FlowListing:
    """Every flow in `ceil(total / 500)` calls, without deleted flows and system flows."""
    call = Call("GET", FLOWS, priority=priority)
    listing = await consistent_pages(transport, call, _page(transport), page_size=flows_a_page(transport))
    return FlowListing([live_flow(flow) for flow in listing.items if _counts(flow)], complete=listing.consistent)


async def changed_since(transport: Transport, since: datetime, priority: Priority) -> Sequence[LiveFlow]:
    """The flows that were published after a moment: what drift detection asks between two full listings."""
    query: dict[str, QueryValue] = {"publishedAfter": since.isoformat().replace("+00:00", "Z")}
    listing = await _chosen(transport, query, priority)
    return [live_flow(flow) for flow in listing.items if _counts(flow)]


async def read_flow(transport: Transport, flow_id: str, priority: Priority) -> Flow | None:
    """One flow as the API answers it; None when it does not exist or was deleted."""
    try:
        flow = await transport.fetch(Call("GET", FLOW, {"flowId": flow_id}, priority=priority), Flow)
    except NotFound:
        return None
    return None if flow.deleted else flow


async def lookup(transport: Transport, flow_ids: Collection[str], priority: Priority) -> Mapping[str, LiveFlow]:
    """The flows with these ids that exist, in a call for each hundred."""
    ids = sorted(set(flow_ids))
    parts = [ids[start : start + PAGE_SIZE] for start in range(0, len(ids), PAGE_SIZE)]

    async def one(part: Sequence[str]) -> Listing[Flow]:
        call = Call("GET", LOOKUP, query={"id": part}, priority=priority)
        return await all_pages(transport, call, _page(transport), page_size=PAGE_SIZE)

    listings = await concurrently(one(part) for part in parts)
    return {flow.id: live_flow(flow) for listing in listings for flow in listing.items if _counts(flow)}


async def find_flow(transport: Transport, key: FlowKey, priority: Priority) -> LiveFlow | None:
    """The flow of exactly that type and name: the API's own filter matches loosely and ignores case."""
    query: dict[str, QueryValue] = {"type": [key.type], "name": key.name}
    listing = await _chosen(transport, query, priority)
    found = [flow for flow in map(live_flow, filter(_counts, listing.items)) if flow.key == key]
    if len(found) > 1:
        ids = ", ".join(sorted(flow.id for flow in found))
        raise AmbiguousFlow(f"{key}: {len(found)} flows carry this type and name ({ids})", hint="rename all but one")
    return found[0] if found else None


async def versions(transport: Transport, flow_id: str, priority: Priority) -> Sequence[VersionInfo]:
    """All versions, newest first. Raises NotFound."""

    async def page(call: Call) -> PageOf[FlowVersion]:
        answer = await transport.fetch(call, VersionPage)
        return page_of(answer.entities, answer)

    call = Call("GET", f"{FLOW}/versions", {"flowId": flow_id}, priority=priority)
    listing = await consistent_pages(transport, call, page, page_size=PAGE_SIZE)
    return sorted(map(_version, listing.items), key=lambda info: version_rank(info.version), reverse=True)


def flows_a_page(transport: Transport) -> int:
    """The page size of listings of flows: the operator's, up to the largest that is known to work."""
    return min(transport.settings.page_size, MOST_FLOWS)


async def _chosen(transport: Transport, query: Mapping[str, QueryValue], priority: Priority) -> Listing[Flow]:
    call = Call("GET", FLOWS, query=query, priority=priority)
    return await all_pages(transport, call, _page(transport), page_size=flows_a_page(transport))


def _page(transport: Transport) -> Fetch[Flow]:
    async def page(call: Call) -> PageOf[Flow]:
        answer = await transport.fetch(call, FlowPage)
        return page_of(answer.entities, answer)

    return page


def _counts(flow: Flow) -> bool:
    return not flow.deleted and not flow.system


def live_flow(flow: Flow) -> LiveFlow:
    """The API's flow in the vocabulary."""
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
        division=(flow.division.name or flow.division.id) if flow.division else None,
        has_draft=_has_draft(flow),
    )


def lock_holder(flow: Flow) -> LockHolder | None:
    """Who holds the lock: a person or a service client."""
    since = flow.saved_version.date_saved if flow.saved_version else None
    if flow.locked_user:
        return LockHolder(flow.locked_user.label, "user", since, flow.locked_user.id)
    if flow.locked_client:
        return LockHolder(flow.locked_client.label, "client", since, flow.locked_client.id)
    return None


def _has_draft(flow: Flow) -> bool:
    """A saved version that is neither checked in nor published: its id then looks like `saved_version_...`."""
    if flow.saved_version is None:
        return False
    known = {version.id for version in (flow.checked_in_version, flow.published_version) if version}
    return flow.saved_version.id not in known


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
