"""What `penstock audit verify` finds in one organisation's chain: pure functions over its links.

A link is an entry of the store or a line of a daily file, as far as the chain goes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from controller.store.audit_chain import FIELDS, PURGE, START, ChainHead, digest_of


@dataclass(frozen=True, slots=True)
class ChainFinding:
    """One thing that is not as it was written."""

    where: str
    """`file:line`, `position N`, or `commit ID`."""
    organization: str
    at: str | None
    """The time of the entry or commit, ISO 8601."""
    what: str

    def __str__(self) -> str:
        return ", ".join(filter(None, (self.where, self.organization, self.at))) + f": {self.what}"


@dataclass(frozen=True, slots=True)
class Link:
    """A place in a chain."""

    where: str
    organization: str
    at: str | None
    position: int
    previous: str
    digest: str
    restates: ChainHead | None = None
    """Of a purge, the last entry that it removed."""

    def finding(self, what: str) -> ChainFinding:
        return ChainFinding(self.where, self.organization, self.at, what)


def link_of(entry: Mapping[str, object], where: str) -> Link:
    """The link of an entry's JSON, which has a position."""
    details = entry.get("details")
    restates = None
    if entry.get("action") == PURGE and isinstance(details, Mapping):
        position, digest = details.get("position"), details.get("digest")
        restates = ChainHead(position, str(digest)) if isinstance(position, int) else None
    position = entry.get("position")
    return Link(
        where=where,
        organization=str(entry.get("organization")),
        at=str(entry.get("timestamp")),
        position=position if isinstance(position, int) else 0,
        previous=str(entry.get("previous")),
        digest=str(entry.get("digest")),
        restates=restates,
    )


def changed(entry: Mapping[str, object]) -> str | None:
    """Why an entry's JSON is not what was appended; None where it is."""
    unknown = sorted(entry.keys() - FIELDS)
    if unknown:
        return f"it was changed, or a newer version wrote it: it has the field {unknown[0]}"
    if entry.get("digest") not in _digests(entry):
        return "it was changed: its digest does not match"
    return None


def _digests(entry: Mapping[str, object]) -> tuple[str, ...]:
    """What an entry's digest may be: an earlier one in SQLite was made of 4000 for a latency of 4000.0."""
    latency = entry.get("latency_ms")
    if isinstance(latency, float) and latency.is_integer():
        return digest_of(entry), digest_of({**entry, "latency_ms": int(latency)})
    return (digest_of(entry),)


def followed(before: Link | None, link: Link) -> ChainFinding | None:
    """What is wrong between a link and the one before it; the first link of all is judged by `begun`."""
    if before is None:
        return None
    if link.position == before.position:
        return link.finding(f"position {link.position} is there twice")
    if link.position != before.position + 1:
        first, last = before.position + 1, link.position - 1
        gone = f"position {first} was" if first == last else f"positions {first} to {last} were"
        return link.finding(f"{gone} removed before it")
    if link.previous != before.digest:
        return link.finding("it does not follow the entry before it: one of them was replaced")
    return None


def begun(first: Link, restated: Sequence[ChainHead]) -> ChainFinding | None:
    """What is wrong with the beginning: position 1, or the one after a purge that an entry of the chain tells."""
    before = ChainHead(first.position - 1, first.previous)
    if before == ChainHead(0, START) or before in restated:
        return None
    if first.position == 1:
        return first.finding("it is not the beginning of the chain: entries before it were removed")
    return first.finding(f"the entries before it, up to position {first.position - 1}, were removed by no purge")


def ended(last: Link | None, at_head: Link | None, head: ChainHead, organization: str) -> ChainFinding | None:
    """What is wrong with the end, by the head that was written with the last entry; `at_head` has its position."""
    if last is None or last.position < head.position:
        position, at = (0, None) if last is None else (last.position, last.at)
        what = f"the chain was cut off after it: its head is at position {head.position}"
        return ChainFinding(f"position {position}", organization, at, what)
    if at_head is not None and at_head.digest != head.digest:
        return at_head.finding("the head of the chain has another digest: one of them was replaced")
    return None
