"""Reads listings in numbered pages to their end, at any page size that the organisation chooses.

A listing ends with an empty page, or with a page that is not full if none of `pageCount`, `total` and `nextUri`
announces more. A page shorter than requested proves nothing, because organisations cap page sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

from controller.domain.errors.organization import BadAnswer
from controller.domain.waiting import for_each
from controller.genesys.call import ApiCall, QueryValue
from controller.genesys.transport import Transport
from controller.genesys.wire.model import ListPage, WirePage


class HasId(Protocol):
    @property
    def id(self) -> str: ...


Item = TypeVar("Item", bound=HasId)

MOST_PAGES = 1_000
"""More pages than any organisation has: a listing that announces more never ends."""
_AT_ONCE = 16
"""Pages fetched at once. It bounds the calls that a wrong total can cause."""
_LONGEST_URI = 4_000
_NUMBER, _SIZE = "pageNumber", "pageSize"


@dataclass(frozen=True, slots=True)
class PageOf(Generic[Item]):
    """One page as the organisation returned it."""

    items: Sequence[Item]
    announced: WirePage
    """The answer's fields about the listing's size."""
    rows: Sequence[Hashable]
    """Keys of all rows of the answer, including the rows that are no items."""


@dataclass(frozen=True, slots=True)
class PagedItems(Generic[Item]):
    """All pages together. `consistent` is False if they do not add up, because something changed meanwhile."""

    items: Sequence[Item]
    consistent: bool
    pages: int = 1
    """The number of calls that one reading of all pages takes."""


Fetch = Callable[[ApiCall], Coroutine[Any, Any, PageOf[Item]]]


def pages_of(transport: Transport, model: type[ListPage[Item]]) -> Fetch[Item]:
    """Fetches pages whose rows are all items."""

    async def fetch(call: ApiCall) -> PageOf[Item]:
        page = await transport.fetch(call, model)
        return PageOf(page.entities, page, [item.id for item in page.entities])

    return fetch


async def all_pages(
    transport: Transport, call: ApiCall, fetch: Fetch[Item], *, page_size: int, at_once: int = _AT_ONCE
) -> PagedItems[Item]:
    """Every page of the call's listing once, up to `at_once` at a time if their number is known.

    Raises BadAnswer for a listing that would never end, and for a `nextUri` that leads elsewhere.
    """
    reading: _PageWalk[Item] = _PageWalk(transport.api_url, call, page_size)
    calls = reading.following(at_once)
    while calls:
        for page in await for_each(calls, fetch):
            reading.add(page)
        calls = reading.following(at_once)
    return reading.listing()


async def consistent_pages(
    transport: Transport, call: ApiCall, fetch: Fetch[Item], *, page_size: int, at_once: int = _AT_ONCE
) -> PagedItems[Item]:
    """Like `all_pages`, but fetches a listing that changed meanwhile once more."""
    listing = await all_pages(transport, call, fetch, page_size=page_size, at_once=at_once)
    if listing.consistent:
        return listing
    return await all_pages(transport, call, fetch, page_size=page_size, at_once=at_once)


class _PageWalk(Generic[Item]):
    """The state of reading one listing."""

    def __init__(self, api_url: str, call: ApiCall, page_size: int) -> None:
        self._api_url = api_url
        self._call = call
        self._page_size = page_size
        self._pages: list[PageOf[Item]] = []
        self._seen: set[Hashable] = set()
        self._rows = 0
        self._ended = False
        self._repeats = False

    def add(self, page: PageOf[Item]) -> None:
        new = set(page.rows) - self._seen
        self._pages.append(page)
        self._rows += len(page.rows)
        self._ended = self._ended or not page.rows
        self._repeats = not new
        self._seen |= new

    def following(self, at_once: int) -> list[ApiCall]:
        """The calls for the next pages; none at the end of the listing."""
        number = len(self._pages) + 1
        if number == 1:
            return [self._numbered(1)]
        if self._ended or not self._more():
            return []
        if self._repeats:
            raise BadAnswer(f"{self._call.name}: page {number - 1} holds nothing new; the listing would never end")
        if number > MOST_PAGES:
            raise BadAnswer(f"{self._call.name}: more than {MOST_PAGES:,} pages; the listing would never end")
        announced = self._named_query(self._pages[-1].announced.next_uri)
        if announced is not None and not self._only_numbers(announced, number):
            return [replace(self._call, query={_SIZE: self._page_size, **announced, **self._call.query})]
        last = min(max(self._expected(), number), number + at_once - 1, MOST_PAGES)
        return [self._numbered(each) for each in range(number, last + 1)]

    def listing(self) -> PagedItems[Item]:
        items = [item for page in self._pages for item in page.items]
        totals = {page.announced.total for page in self._pages}
        consistent = len(self._seen) == self._rows and totals <= {self._rows, None}
        return PagedItems(list({item.id: item for item in items}.values()), consistent, len(self._pages))

    def _more(self) -> bool:
        """Whether another page is announced or likely: a full page is, unless it completes the total."""
        announced, number = self._pages[-1].announced, len(self._pages)
        if announced.next_uri or (announced.page_count or 0) > number or (announced.total or 0) > self._rows:
            return True
        full = min(self._page_size, announced.page_size or self._page_size)
        return len(self._pages[-1].rows) >= full and announced.total != self._rows

    def _expected(self) -> int:
        """The number of pages as the first page announces it; the later pages decide."""
        first = self._pages[0]
        if first.announced.total is None:
            return first.announced.page_count or 1
        return ceil(first.announced.total / max(first.announced.page_size or 0, len(first.rows), 1))

    def _numbered(self, number: int) -> ApiCall:
        return replace(self._call, query={**self._call.query, _SIZE: self._page_size, _NUMBER: number})

    def _only_numbers(self, announced: Mapping[str, QueryValue], number: int) -> bool:
        """Whether a link contains only the number of the following page."""
        own = {*self._call.query, _SIZE, _NUMBER, "sortBy", "sortOrder"}
        return announced.keys() <= own and announced.get(_NUMBER) == [str(number)]

    def _named_query(self, uri: str | None) -> Mapping[str, QueryValue] | None:
        """The query of a `nextUri`, which must lead to the same list. Raises BadAnswer for any other."""
        if not uri:
            return None
        try:
            there, here = urlsplit(uri), urlsplit(self._api_url + self._call.target())
            same = not there.netloc or (there.scheme, there.netloc) == (here.scheme, here.netloc)
            paths = {unquote(here.path), unquote(self._call.target())}
            query = parse_qs(there.query, keep_blank_values=True, max_num_fields=100)
        except ValueError:
            same, paths, query = False, set(), {}
        if len(uri) > _LONGEST_URI or not same or unquote(there.path) not in paths:
            raise BadAnswer(f"{self._call.name}: nextUri leads away from this list; it was not followed")
        return query
