"""Compares the resources that flows need with those that the organisation lists.

Only a listing that was read to its end proves that something is missing. A reference that is decided at run time, or of
a kind that is not listed, proves nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from controller.domain.desired import DesiredFlow, Origin, SourceFile
from controller.domain.references import Resolution, ResourceReference
from controller.domain.resources import MissingResource, ResourceListing
from controller.flows.suggestion import near_miss
from controller.planning.draft import NEW_VERSION
from controller.planning.model import Blocked, Change, Plan

MISSING_RESOURCE = "missing-resource"
WAY_OUT = "create it there, correct the name, or set spec.resources: warn"
_SHOWN = 5
_COMPARED = 2_000
"""With more names than these, only those with the same first letter are compared for one that may be meant."""
_CERTAIN_PARTS = frozenset({"data-table"})
"""Kinds of which a flow cannot be published without the parts that it names."""
_WORDS = {"wrap-up-code": "wrap-up code"}


class ResourceCheck:
    """The comparison with one set of listings; each name that may be meant is searched for once."""

    def __init__(self, listings: Mapping[str, ResourceListing]) -> None:
        self._listings = listings
        self._close: dict[tuple[str, str], str | None] = {}
        self._folded: dict[str, dict[str, str]] = {}

    def missing(self, references: Iterable[ResourceReference]) -> tuple[MissingResource, ...]:
        """What certainly is missing, each resource once, in the order of the references."""
        found: dict[tuple[str, str, tuple[str, ...]], MissingResource] = {}
        for reference in references:
            each = self._missing(reference)
            if each is not None:
                found.setdefault((reference.kind, reference.name, each.parts), each)
        return tuple(found.values())

    def doubts(self, references: Iterable[ResourceReference]) -> Iterator[str]:
        """What may prevent a publish, each once: another spelling, a language that a prompt lacks."""
        said = set[str]()
        for reference in references:
            words = self._doubt(reference)
            if words is not None and words not in said:
                said.add(words)
                yield words

    def _missing(self, reference: ResourceReference) -> MissingResource | None:
        listing = self._listing(reference)
        if listing is None:
            return None
        if reference.name not in listing.names:
            if self._spelled(listing, reference.name) is not None:
                return None
            return MissingResource(reference, (), self._meant(listing, reference.name))
        parts = _lacking(reference, listing) if reference.kind in _CERTAIN_PARTS else ()
        known = listing.names[reference.name] or ()
        return MissingResource(reference, parts, near_miss(parts[0], known)) if parts else None

    def _doubt(self, reference: ResourceReference) -> str | None:
        listing = self._listing(reference)
        if listing is None:
            return None
        what = f"{kind_words(reference.kind)} {reference.name!r}"
        if reference.name not in listing.names:
            spelled = self._spelled(listing, reference.name)
            return (
                None if spelled is None else f"{what} is spelled {spelled!r} in the organisation; it may not be found"
            )
        parts = () if reference.kind in _CERTAIN_PARTS else _lacking(reference, listing)
        return f"{what} has nothing for {', '.join(parts)}" if parts else None

    def _listing(self, reference: ResourceReference) -> ResourceListing | None:
        """The listing that tells of this reference; None where nothing tells."""
        listing = self._listings.get(reference.kind)
        static = reference.resolution is Resolution.STATIC
        return listing if listing is not None and listing.unknown is None and static else None

    def _spelled(self, listing: ResourceListing, name: str) -> str | None:
        """A name that differs only in case or in blanks around it."""
        folded = self._folded.get(listing.kind)
        if folded is None:
            folded = self._folded[listing.kind] = {_folded(each): each for each in listing.names}
        return folded.get(_folded(name))

    def _meant(self, listing: ResourceListing, name: str) -> str | None:
        if (listing.kind, name) not in self._close:
            known: Collection[str] = listing.names
            if len(known) > _COMPARED:
                first = name[:1].casefold()
                known = [each for each in known if each[:1].casefold() == first]
            self._close[listing.kind, name] = near_miss(name, known)
        return self._close[listing.kind, name]


def _folded(name: str) -> str:
    return name.strip().casefold()


def _lacking(reference: ResourceReference, listing: ResourceListing) -> tuple[str, ...]:
    known = listing.names[reference.name]
    if known is None:
        return ()
    folded = {each.casefold() for each in known}
    return tuple(part for part in reference.parts if part.casefold() not in folded)


def needed_by_plan(plan: Plan) -> frozenset[str]:
    """The kinds of resources that the flows need which the plan publishes from a file.

    A change that waits for a person in quarantine needs none: it would cost calls in each pass.
    """
    return frozenset(
        reference.kind
        for change in plan.changes
        if _uploads(change) and not (change.blocked and change.blocked.code == "quarantined")
        for reference in resources_of(change.desired)
        if reference.resolution is Resolution.STATIC
    )


def changes_nothing(plan: Plan, listings: Mapping[str, ResourceListing]) -> bool:
    """Whether these listings would leave the plan as it is: nothing is missing, doubtful or unknown."""
    check = ResourceCheck(listings)
    needing = (resources_of(change.desired) for change in plan.changes if _uploads(change))
    return not lacking_words(listings.values()) and not any(
        check.missing(each) or any(True for _ in check.doubts(each)) for each in needing
    )


def _uploads(change: Change) -> bool:
    return change.kind in NEW_VERSION and change.desired is not None and isinstance(change.desired.source, SourceFile)


def resources_of(flow: DesiredFlow | None) -> Sequence[ResourceReference]:
    """The resources that a flow's file names; empty for a pinned version, which the organisation holds with them."""
    return flow.source.resources if flow is not None and isinstance(flow.source, SourceFile) else ()


def blocked_by_missing(flow: DesiredFlow, missing: Sequence[MissingResource]) -> Blocked:
    """The block of a flow that needs these; the organisation would refuse the publish, often without a message."""
    return Blocked(MISSING_RESOURCE, f"{needs_words(flow, missing)}; {WAY_OUT}")


def needs_words(flow: DesiredFlow, missing: Sequence[MissingResource]) -> str:
    """`it needs queue 'Sales' (flows/a.yaml:3:9), which the organisation does not have or show to this client`."""
    shown = ", ".join(missing_words(each, place_of(flow, each.reference)) for each in missing[:_SHOWN])
    more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
    return f"it needs {shown}{more}, which the organisation does not have, or does not show to this client"


def missing_words(missing: MissingResource, place: str = "") -> str:
    """The resource, its place, and what may be meant."""
    reference = missing.reference
    what = f"{kind_words(reference.kind)} {reference.name!r}"
    if missing.parts:
        columns = "column" if len(missing.parts) == 1 else "columns"
        what = f"{columns} {', '.join(map(repr, missing.parts))} of {what}"
    hint = f"did you mean {missing.close!r}?" if missing.close else ""
    about = ", ".join(filter(None, (place, hint)))
    return f"{what} ({about})" if about else what


def place_of(flow: DesiredFlow, reference: ResourceReference) -> str:
    """`flows/a.yaml:3:9`; the path inside the flow where no file is known."""
    if reference.position is None or not isinstance(flow.source, SourceFile):
        return reference.path
    return str(Origin(flow.source.file, *reference.position))


def kind_words(kind: str) -> str:
    """`schedule group`."""
    return _WORDS.get(kind, kind.replace("-", " "))


def lacking_words(listings: Iterable[ResourceListing]) -> tuple[str, ...]:
    """The sentences of `unknown_words` about kinds that somebody can make known."""
    return unknown_words(each for each in listings if not each.partial)


def unknown_words(listings: Iterable[ResourceListing]) -> tuple[str, ...]:
    """A sentence for each kind of which it is not known what the organisation has."""
    return tuple(
        f"whether the organisation has each {kind_words(each.kind)} that flows need cannot be told: {each.unknown}"
        for each in sorted(listings, key=lambda each: each.kind)
        if each.unknown is not None
    )
