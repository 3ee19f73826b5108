"""What an organisation lacks before the flows of another one are promoted to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from controller.domain.desired import DesiredFlow, Organization, PinnedVersion
from controller.domain.resources import MissingResource
from controller.planning.resources import place_of, resources_of
from controller.questions.missing_resources import LookedUp, looked_up, missing_of_sources
from controller.reconcile.services import Services


@dataclass(frozen=True, slots=True)
class NeedingFlow:
    """A flow that needs a resource."""

    flow: str
    """`metadata.name`."""
    place: str
    """`flows/a.yaml:3:9`."""


@dataclass(frozen=True, slots=True)
class LackedResource:
    """A resource that the flows to be promoted need, and the organisation lacks."""

    missing: MissingResource
    flows: tuple[NeedingFlow, ...]
    """Who needs it, in order of name."""
    elsewhere: bool | None
    """Whether the organisation that the flows come from has it; None where that cannot be told."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether an organisation has what the flows need."""

    one: str
    """The organisation that the flows come from."""
    other: str
    """The organisation that they go to."""
    lacked: tuple[LackedResource, ...]
    """By kind and name."""
    unknown: tuple[str, ...]
    """The kinds that could not be read in the organisation that they go to, in words."""
    notes: tuple[str, ...]
    """What is not compared: pinned versions, and kinds that no organisation lists."""
    needed: int
    """How many resources the flow files name."""


async def readiness(services: Services, one: Organization, other: Organization) -> Readiness:
    """Compare what the flow files name with what `other` has: a listing for each kind, in both organisations.

    A flow that manifests of both describe is taken with the values of `other`. Raises what the calls raise.
    """
    flows = {flow.key: flow for flow in (*one.flows, *other.flows)}
    asked = [each for flow in flows.values() for each in resources_of(flow)]
    there = await looked_up(services, other, asked)
    lacking = missing_of_sources(there, sorted(flows.values(), key=lambda flow: flow.id))
    here = await looked_up(services, one, [missing.reference for _, missing in lacking])
    pinned = sorted(flow.id for flow in flows.values() if isinstance(flow.source, PinnedVersion))
    words = f"what pinned versions need is not in the repository: {', '.join(pinned)}"
    return Readiness(
        one=one.name,
        other=other.name,
        lacked=tuple(_grouped(lacking, here)),
        unknown=there.unknown,
        notes=(*there.notes, *([words] if pinned else [])),
        needed=len({(each.kind, each.name) for each in asked}),
    )


def _grouped(lacking: Iterable[tuple[DesiredFlow, MissingResource]], here: LookedUp) -> Iterable[LackedResource]:
    groups: dict[tuple[str, str, tuple[str, ...]], list[tuple[DesiredFlow, MissingResource]]] = {}
    for flow, missing in lacking:
        key = (missing.reference.kind, missing.reference.name, missing.parts)
        groups.setdefault(key, []).append((flow, missing))
    check = here.check
    for (kind, *_), members in sorted(groups.items()):
        missing = members[0][1]
        listing = here.listings.get(kind)
        known = listing is not None and listing.unknown is None
        flows = tuple(NeedingFlow(flow.id, place_of(flow, each.reference)) for flow, each in members)
        yield LackedResource(missing, flows, not check.missing([missing.reference]) if known else None)
