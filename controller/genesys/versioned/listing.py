"""The listing with definitions: pages until a short one, kept for a while, dropped by any write (D2)."""

from __future__ import annotations

import asyncio
import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from controller.domain.errors import BadAnswer
from controller.domain.identity import FlowKey
from controller.domain.live import LiveFlow, LockHolder
from controller.domain.platform import Priority
from controller.genesys.call import Call
from controller.genesys.transport import Transport
from controller.genesys.wire.versioned import FlowEntity, FlowPage

PAGE_SIZE = 500
UNTYPED = "flow"
"""The type of a flow whose type the organisation does not tell."""
LIVE = frozenset({"published", "deployed"})


@dataclass(frozen=True, slots=True)
class _Listed:
    entities: dict[str, FlowEntity]
    complete: bool
    read_at: float


class Listing:
    """The organisation's flows as last listed. `complete` is False when one id came twice: something moved."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._locks: defaultdict[Priority, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._last: _Listed | None = None
        self._writes = 0
        self.complete = True
        """Of what `flows` returned last."""

    def drop(self) -> None:
        """Something was written: what was listed no longer holds."""
        self._last = None
        self._writes += 1

    def definition(self, flow_id: str, version: str) -> Mapping[str, object] | None:
        """The definition of just this version where the last listing holds it, which is so for what is live.

        However old the listing is: a version never changes.
        """
        entity = self._last.entities.get(flow_id) if self._last is not None else None
        if entity is None or entity.version != version or entity.definition is None:
            return None
        return entity.definition if isinstance(entity.definition.get("nodes"), dict) else None

    async def flows(self, *, fresh: bool = False, priority: Priority = Priority.OBSERVE) -> dict[str, FlowEntity]:
        """The flows by id, listed anew when they are too old or `fresh` ones are asked for.

        Callers share a listing that is under way, save one that waits at another priority: a rollback waits for nobody.
        """
        asked_at = self._now()
        async with self._locks[priority]:
            listed, oldest = self._last, asked_at if fresh else self._now() - self._transport.settings.cache_ttl_s
            if listed is None or listed.read_at <= oldest:
                listed = await self._read(priority)
            self.complete = listed.complete
            return listed.entities

    async def _read(self, priority: Priority) -> _Listed:
        """A new listing, which is kept unless something was written or a newer one came meanwhile."""
        writes, read_at = self._writes, self._now()
        for attempt in (1, 2):
            rows = await self._pages(priority)
            entities = {row.id: row for row in rows}
            complete = len(entities) == len(rows)
            if complete or attempt == 2:
                break
        listed = _Listed(entities, complete, read_at)
        if writes == self._writes and (self._last is None or self._last.read_at <= read_at):
            self._last = listed
        return listed

    def _now(self) -> float:
        return self._transport.clock.monotonic()

    async def _pages(self, priority: Priority) -> Sequence[FlowEntity]:
        rows: list[FlowEntity] = []
        seen: set[str] = set()
        for number in itertools.count(1):
            call = Call(
                "GET",
                "/api/v2/flows",
                query={"expand": "definition", "pageSize": PAGE_SIZE, "pageNumber": number},
                priority=priority,
                limit_bytes=self._transport.settings.export_limit_bytes,
            )
            page = (await self._transport.fetch(call, FlowPage)).entities
            rows += page
            new = {row.id for row in page} - seen
            if len(page) < PAGE_SIZE:
                break
            if not new:
                raise BadAnswer(f"{call.name}: page {number} holds nothing new; the listing would never end")
            seen |= new
        return rows


def live_flow(entity: FlowEntity) -> LiveFlow:
    """The listed flow in the vocabulary; its version is live when it is published or deployed, and still is."""
    live = entity.standing in LIVE and entity.metadata.date_published_end is None
    return LiveFlow(
        id=entity.id,
        key=FlowKey((entity.type or entity.metadata.type or UNTYPED).lower(), entity.name),
        published_version=entity.version if live else None,
        checked_in_version=entity.version,
        locked_by=lock_holder(entity),
        status=entity.standing,
        published_at=entity.metadata.date_published,
        published_by=entity.metadata.published_by,
    )


def lock_holder(entity: FlowEntity) -> LockHolder | None:
    """Who holds the flow's lock, where the listing tells."""
    metadata = entity.metadata
    return LockHolder(metadata.locked_by, "user", metadata.date_locked) if metadata.locked_by else None
