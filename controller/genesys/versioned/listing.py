"""The listing with definitions: read completely, cached for a while, dropped by any write (D2)."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from controller.domain.live import LiveFlow, LockHolder
from controller.domain.platform import Priority
from controller.genesys.call import ApiCall
from controller.genesys.paging import consistent_pages, pages_of
from controller.genesys.transport import Transport
from controller.genesys.versioned.naming import FlowNames
from controller.genesys.wire.model import ListPage
from controller.genesys.wire.versioned import FlowEntity

MOST_FLOWS = 1_000
"""The largest page of this dialect."""
LIVE = frozenset({"published", "deployed"})


@dataclass(frozen=True, slots=True)
class _Listed:
    entities: dict[str, FlowEntity]
    complete: bool
    read_at: float


class CachedListing:
    """The flows of the last listing; implements `ListedDefinitions`.

    `complete` is False if the pages do not add up because something changed between them.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._locks: defaultdict[Priority, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._last: _Listed | None = None
        self._writes = 0
        self.complete = True
        """Describes the last result of `flows`."""

    def drop(self) -> None:
        """Forget the listing: a write has changed something."""
        self._last = None
        self._writes += 1

    def definition(self, flow_id: str, version: str | None) -> Mapping[str, object] | None:
        """The definition of this version where the last listing holds it, as it does for the live version.

        The age of the listing does not matter: a version never changes.
        """
        entity = self._last.entities.get(flow_id) if self._last is not None else None
        if entity is None or entity.version != version or entity.definition is None:
            return None
        return entity.definition if isinstance(entity.definition.get("nodes"), dict) else None

    def of(self, flow: LiveFlow) -> Mapping[str, object] | None:
        """The definition of the live version, or else of the flow's newest one."""
        return self.definition(flow.id, flow.published_version or flow.checked_in_version)

    async def flows(self, *, fresh: bool = False, priority: Priority = Priority.OBSERVE) -> dict[str, FlowEntity]:
        """The flows by id, from a new listing if the cached one is too old or `fresh` is set.

        Callers share a running listing, except one that waits at another priority: a rollback never waits for other
        callers.
        """
        asked_at = self._now()
        async with self._locks[priority]:
            listed, oldest = self._last, asked_at if fresh else self._now() - self._transport.settings.cache_ttl_s
            if listed is None or listed.read_at <= oldest:
                listed = await self._read(priority)
            self.complete = listed.complete
            return listed.entities

    async def _read(self, priority: Priority) -> _Listed:
        """Read a new listing and cache it, unless a write or a newer listing came meanwhile."""
        writes, read_at = self._writes, self._now()
        settings = self._transport.settings
        query, most = {"expand": "definition"}, settings.export_limit_bytes
        call = ApiCall("GET", "/api/v2/flows", query=query, priority=priority, limit_bytes=most)
        # One page at a time, because each may be as large as the limit.
        pages, size = pages_of(self._transport, ListPage[FlowEntity]), min(settings.page_size, MOST_FLOWS)
        found = await consistent_pages(self._transport, call, pages, page_size=size, at_once=1)
        listed = _Listed({row.id: row for row in found.items}, found.consistent, read_at)
        if writes == self._writes and (self._last is None or self._last.read_at <= read_at):
            self._last = listed
        return listed

    def _now(self) -> float:
        return self._transport.clock.monotonic()


def live_version(entity: FlowEntity) -> str | None:
    """The listed version if it is live, which means published or deployed and not ended."""
    live = entity.standing in LIVE and entity.metadata.date_published_end is None
    return entity.version if live else None


def live_flow(entity: FlowEntity, names: FlowNames) -> LiveFlow:
    """The listed flow as a domain value, under the key that its manifest gives it."""
    return LiveFlow(
        id=entity.id,
        key=names.key(entity),
        published_version=live_version(entity),
        checked_in_version=entity.version,
        locked_by=lock_holder(entity),
        status=entity.standing,
        published_at=entity.metadata.date_published,
        published_by=entity.metadata.published_by,
    )


def lock_holder(entity: FlowEntity) -> LockHolder | None:
    """The holder of the flow's lock, if the listing shows it."""
    metadata = entity.metadata
    return LockHolder(metadata.locked_by, "user", metadata.date_locked) if metadata.locked_by else None
