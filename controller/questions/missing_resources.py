"""Looks up the resources that flows name in an organisation: for the graph, an import, a preflight, a promotion."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from controller.domain.desired import DesiredFlow, Organization
from controller.domain.references import Resolution, ResourceReference
from controller.domain.resources import MissingResource, ResourceListing
from controller.graphs.model import Unanswered
from controller.planning.resources import ResourceCheck, kind_words, place_of, resources_of, unknown_words
from controller.reconcile.services import Services

_DATA_ACTION = "data-action"


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What an organisation has of the kinds that were asked for."""

    listings: Mapping[str, ResourceListing] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    """A sentence for each kind that could not be read."""
    notes: tuple[str, ...] = ()
    """The kinds that no organisation lists, in words."""

    @property
    def check(self) -> ResourceCheck:
        """Compares references with it."""
        return ResourceCheck(self.listings)


async def looked_up(
    services: Services, organization: Organization, references: Iterable[ResourceReference]
) -> LookedUp:
    """What the organisation has of all kinds that these references name: a listing for each kind.

    Raises what the organisation's calls raise, but for a kind that alone cannot be listed.
    """
    platform = services.platform(organization)
    kinds = {each.kind for each in references if each.resolution is Resolution.STATIC}
    resources = platform.organization_resources
    if resources is None:
        words = f"which resources {organization.name} has cannot be told with api: {platform.dialect}"
        return LookedUp(unknown=(words,) if kinds else ())
    listings = await resources.of(kinds & frozenset(resources.kinds))
    unlisted = sorted(kind_words(kind) for kind in kinds - frozenset(resources.kinds) - {"unknown"})
    words = f"there is no listing of these kinds, so they are not looked up: {', '.join(unlisted)}"
    return LookedUp(listings, unknown_words(listings.values()), (words,) if unlisted else ())


def missing_of_sources(found: LookedUp, flows: Iterable[DesiredFlow]) -> list[tuple[DesiredFlow, MissingResource]]:
    """What the flow files of these flows name and the organisation lacks."""
    check = found.check
    return [(flow, missing) for flow in flows for missing in check.missing(resources_of(flow))]


def unanswered_of_sources(found: LookedUp, flows: Iterable[DesiredFlow]) -> list[Unanswered]:
    """The same as parts of a graph."""
    return [
        _unanswered(str(flow.key), missing, place_of(flow, missing.reference))
        for flow, missing in missing_of_sources(found, flows)
    ]


def unanswered_of_versions(found: LookedUp, used: Mapping[str, Sequence[ResourceReference]]) -> list[Unanswered]:
    """What live versions name, by the flow's key, and the organisation lacks.

    A live version names a data action without its category.
    """
    check = ResourceCheck({kind: _shortened(each) for kind, each in found.listings.items()})
    return [_unanswered(key, missing, None) for key, each in used.items() for missing in check.missing(each)]


def _shortened(listing: ResourceListing) -> ResourceListing:
    if listing.kind != _DATA_ACTION:
        return listing
    short = {name.partition(" / ")[2]: parts for name, parts in listing.names.items()}
    return replace(listing, names={**short, **listing.names})


def _unanswered(consumer: str, missing: MissingResource, origin: str | None) -> Unanswered:
    reference, parts = missing.reference, missing.parts
    name = f"{reference.name}: {', '.join(parts)}" if parts else reference.name
    return Unanswered(consumer, name, (reference.kind,), reference.path, origin=origin, close=missing.close)
