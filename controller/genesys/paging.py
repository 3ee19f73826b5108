"""Listings in numbered pages: the first tells how many there are, the others are fetched at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Generic, Protocol, TypeVar

from controller.genesys.concurrently import concurrently


class HasId(Protocol):
    @property
    def id(self) -> str: ...


Item = TypeVar("Item", bound=HasId)

_MOST_PAGES = 1_000
"""More than any organisation has: a total that lies does not cost a call for each page that it promises."""


@dataclass(frozen=True, slots=True)
class PageOf(Generic[Item]):
    """One page as the organisation answered it."""

    items: Sequence[Item]
    total: int | None
    page_count: int | None


@dataclass(frozen=True, slots=True)
class Listing(Generic[Item]):
    """All pages together; `consistent` is False when they do not add up, because something changed meanwhile."""

    items: Sequence[Item]
    consistent: bool


async def all_pages(fetch: Callable[[int], Awaitable[PageOf[Item]]], *, page_size: int) -> Listing[Item]:
    """Every page once: `ceil(total / page_size)` calls, at least one."""
    first = await fetch(1)
    last = _last_page(first, page_size)

    async def one(number: int) -> PageOf[Item]:
        return await fetch(number)

    pages = [first, *await concurrently(one(number) for number in range(2, last + 1))]
    items = [item for page in pages for item in page.items]
    unique = {item.id: item for item in items}
    totals = {page.total for page in pages}
    consistent = len(unique) == len(items) and totals <= {len(items), None}
    return Listing(list(unique.values()), consistent)


async def consistent_pages(fetch: Callable[[int], Awaitable[PageOf[Item]]], *, page_size: int) -> Listing[Item]:
    """Like `all_pages`; a listing that changed underneath is fetched once more."""
    listing = await all_pages(fetch, page_size=page_size)
    return listing if listing.consistent else await all_pages(fetch, page_size=page_size)


def _last_page(first: PageOf[Item], page_size: int) -> int:
    by_total = ceil(first.total / page_size) if first.total is not None else (first.page_count or 1)
    return min(max(by_total, 1), _MOST_PAGES)
