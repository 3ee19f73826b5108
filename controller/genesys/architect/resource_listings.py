"""Lists what an organisation has of queues, data actions, prompts and other resources, and keeps it for a while."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta

from controller.domain.errors.organization import (
    AuthenticationFailed,
    BadAnswer,
    PermissionMissing,
    RequestRejected,
    ServerFault,
)
from controller.domain.platform import Priority
from controller.domain.resources import ResourceListing
from controller.domain.waiting import for_each
from controller.genesys.architect.resource_kinds import RESOURCE_KINDS, ListedKind
from controller.genesys.call import ApiCall
from controller.genesys.paging import PagedItems, PageOf, consistent_pages
from controller.genesys.part import PlatformPart
from controller.genesys.transport import Transport
from controller.genesys.wire.architect import WireResource
from controller.genesys.wire.model import ListPage

MOST_PAGES = 100
"""Pages of one kind that are read: more names than that are neither kept nor paid for with calls."""

_PARTIAL_CONTENT = 206
_COMPLETE = "penstock-complete"
"""The header with which the simulator says that it has more of a kind than it lists."""
_PARTIAL = "the organisation says that its listing is not complete"
_CHANGED = "their listing changed while it was read"


class _TooMany(Exception):  # noqa: N818 - the end of a reading, not an error
    """The listing announces more than is read."""


class ArchitectResourceListings(PlatformPart):
    """Implements `OrganizationResources`. What was read is kept for the lifetime of a listing (`cache_ttl_s`)."""

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self._kept: dict[str, ResourceListing] = {}

    @property
    def kinds(self) -> Collection[str]:
        return RESOURCE_KINDS.keys()

    async def of(self, kinds: Collection[str], *, fresh: bool = False) -> Mapping[str, ResourceListing]:
        """A call for each page of the kinds that are not kept.

        A listing that could not be read for another reason than a lack of rights is not kept. Raises errors of the
        connection as a whole: of the login, the network and the request limit.
        """
        wanted = sorted(set(kinds))
        read = await for_each((kind for kind in wanted if fresh or not self._is_kept(kind)), self._read)
        found = {each.kind: each for each in read}
        return {kind: found.get(kind) or self._kept[kind] for kind in wanted}

    def _is_kept(self, kind: str) -> bool:
        kept = self._kept.get(kind)
        if kept is None or kept.read_at is None:
            return False
        age = self._transport.clock.now() - kept.read_at
        return timedelta() <= age < timedelta(seconds=self._transport.settings.cache_ttl_s)

    async def _read(self, name: str) -> ResourceListing:
        kind, now = RESOURCE_KINDS.get(name), self._transport.clock.now()
        names: dict[str, frozenset[str] | None] = {}
        if kind is None:
            return ResourceListing(name, unknown="the organisation has no listing of them", read_at=now)
        self._kept.pop(name, None)
        partial = False
        try:
            listing, partial = await self._pages(kind)
            names = {name: row.parts(kind) for row in listing.items for name in _names_of(row, kind)}
            unknown = _CHANGED if not listing.consistent else _PARTIAL if partial else None
        except AuthenticationFailed:
            raise
        except PermissionMissing as error:
            unknown = _lacking(kind, error)
        except RequestRejected as error:
            unknown = f"the organisation answers {error.status} to GET {kind.route}"
        except _TooMany:
            unknown = f"there are more than {MOST_PAGES * kind.page_size:,} of them"
        except (BadAnswer, ServerFault) as error:
            return ResourceListing(name, unknown=error.message, read_at=now)
        listed = self._kept[name] = ResourceListing(name, names, unknown, partial, now)
        return listed

    async def _pages(self, kind: ListedKind) -> tuple[PagedItems[WireResource], bool]:
        """All rows, and whether the organisation says that there are more which it does not list."""
        transport, partial = self._transport, False
        priority = self._usually(Priority.OBSERVE)
        call = ApiCall("GET", kind.route, query=kind.query, priority=priority)

        async def fetch(page: ApiCall) -> PageOf[WireResource]:
            nonlocal partial
            answer = await transport.send(page)
            partial = partial or answer.status == _PARTIAL_CONTENT or answer.headers.get(_COMPLETE) == "false"
            found = transport.read(page, answer, ListPage[WireResource])
            if max(found.total or 0, (found.page_count or 0) * kind.page_size) > MOST_PAGES * kind.page_size:
                raise _TooMany
            return PageOf(found.entities, found, [row.id for row in found.entities])

        return await consistent_pages(transport, call, fetch, page_size=kind.page_size), partial


def _names_of(row: WireResource, kind: ListedKind) -> Iterator[str]:
    if row.name:
        yield f"{getattr(row, kind.prefix) or ''} / {row.name}" if kind.prefix else row.name
    yield from (alias for alias in (getattr(row, field) for field in kind.aliases) if alias)


def _lacking(kind: ListedKind, error: PermissionMissing) -> str:
    permission = kind.permission or error.permission
    return f"this client may not list them{f'; it needs {permission}' if permission else ''}"
