"""Pages of long lists: where this one begins, and the addresses of its neighbours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from controller.domain.page_addresses import with_query


@dataclass(frozen=True, slots=True)
class ShownPage:
    """One page of a list, counted from 1."""

    first: int
    last: int
    total: int
    previous: str | None
    next: str | None


def list_page(address: str, values: Mapping[str, object], offset: int, limit: int, total: int) -> ShownPage:
    """The page from `offset` on; `values` are the fields of the query that the neighbours keep."""

    def at(place: int) -> str:
        return with_query(address, {**values, "offset": place or None})

    before = max(offset - limit, 0)
    return ShownPage(
        first=min(offset + 1, total),
        last=min(offset + limit, total),
        total=total,
        previous=at(before) if offset > 0 else None,
        next=at(offset + limit) if offset + limit < total else None,
    )


def whole_number(text: str | None, least: int = 0, most: int = 2**31) -> int:
    """The number that a query gives, within bounds; `least` where it gives none."""
    digits = (text or "").strip()
    return min(max(int(digits[:12]), least), most) if digits.isascii() and digits.isdecimal() else least
