"""Builds the dependency graph: from the repository without a call, from live flows, or from both compared.

It can be compared with the organisation's dependency index, which can be stale.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar

from controller.delivery.dependency_index import OPERATIONAL
from controller.domain.capabilities import VERSIONED
from controller.domain.desired import Organization, PinnedVersion, SourceFile
from controller.domain.errors.manifest import CapabilityMissing
from controller.domain.errors.organization import BadAnswer, NotFound, PermissionMissing
from controller.domain.identity import FlowKey
from controller.domain.live import LiveFlow, LiveState
from controller.domain.references import FlowReference, ResourceReference
from controller.domain.waiting import Advance
from controller.graphs.build import live_graph, merged, organization_graph, with_resources
from controller.graphs.model import EdgeKind, Graph, Presence, Unanswered
from controller.questions.fan_out import each_of, unwatched
from controller.questions.missing_resources import (
    LookedUp,
    looked_up,
    unanswered_of_sources,
    unanswered_of_versions,
)
from controller.reconcile.health import managed_health
from controller.reconcile.listing import shared_keys
from controller.reconcile.services import Services
from controller.reconcile.version_reader import FactReader

T = TypeVar("T")


class GraphOrigin(StrEnum):
    """The source of a graph."""

    REPOSITORY = "repository"
    LIVE = "live"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class DependencyGraph:
    """The graph of one organisation, with its gaps as warnings."""

    organization: Organization
    origin: GraphOrigin
    graph: Graph
    live: LiveState | None = None
    """None if the organisation was not asked."""
    listed: tuple[LiveFlow, ...] = ()
    """All flows of the organisation, including those with the same type and name."""
    warnings: tuple[str, ...] = ()
    lacking: tuple[Unanswered, ...] = ()
    """The resources that the last plan found missing in the organisation, where that is known."""


def repository_graph(organization: Organization, *, resources: bool = False) -> DependencyGraph:
    """The graph of the manifests and their flow files. Makes no call."""
    pinned = [flow.id for flow in organization.flows if isinstance(flow.source, PinnedVersion)]
    warnings = (
        (f"what pinned versions refer to is not in the repository: {', '.join(pinned)}; see --from both",)
        if pinned
        else ()
    )
    graph = organization_graph(organization)
    if resources:
        graph = with_resources(graph, _source_resources(organization))
    return DependencyGraph(organization, GraphOrigin.REPOSITORY, graph, warnings=warnings)


async def observed_graph(
    services: Services,
    organization: Organization,
    origin: GraphOrigin,
    *,
    resources: bool = False,
    missing: bool = False,
    advance: Advance = unwatched,
) -> DependencyGraph:
    """The graph of the live flows, or of both sides compared.

    Costs one listing, and one call for each published version that is not cached. With `resources` and `missing` the
    resources are looked up in the organisation: one listing more for each kind.
    """
    listing = await services.platform(organization).flows.listing()
    flows = {flow.key: flow for flow in _with_own_keys(listing.flows)}
    content = _Contents(services, organization)
    published = [(flow, version) for flow in flows.values() if (version := flow.published_version) is not None]
    references = await content.references(published, advance)
    live = LiveState(flows, services.clock.now(), references, ambiguous=shared_keys(listing.flows))
    health = managed_health(organization, flows, services)
    graph = live_graph(organization, live, health=health)
    used = await content.resources(published) if resources else {}
    live_uses = {str(key): each for key, each in used.items()}
    lookup = await _lookup(services, organization, origin, live_uses) if resources and missing else LookedUp()
    graph = with_resources(graph, live_uses, unanswered_of_versions(lookup, live_uses))
    if origin is GraphOrigin.BOTH:
        wanted = await _wanted_graph(content, organization, live, resources=resources, lookup=lookup)
        graph = merged(wanted, graph)
    content.incomplete += (*lookup.unknown, *lookup.notes)
    warnings = [] if listing.complete else ["the list of flows changed while it was read"]
    warnings += _ambiguous(listing.flows)
    return DependencyGraph(organization, origin, graph, live, tuple(listing.flows), (*warnings, *content.incomplete))


async def _lookup(
    services: Services,
    organization: Organization,
    origin: GraphOrigin,
    live_uses: Mapping[str, Sequence[ResourceReference]],
) -> LookedUp:
    """What the organisation has of the kinds that both sides of the graph use."""
    of_sources = _source_resources(organization) if origin is GraphOrigin.BOTH else {}
    asked = (each for uses in (live_uses, of_sources) for used in uses.values() for each in used)
    return await looked_up(services, organization, asked)


async def _wanted_graph(
    content: _Contents, organization: Organization, live: LiveState, *, resources: bool, lookup: LookedUp
) -> Graph:
    """The repository's graph, with references resolved among live flows as well."""
    pinned = [
        (flow, desired.source.version)
        for desired in organization.flows
        if isinstance(desired.source, PinnedVersion) and (flow := live.flows.get(desired.key))
    ]
    references = await content.references(pinned)
    graph = organization_graph(organization, replace(live, references=references))
    if not resources:
        return graph
    used = {str(key): each for key, each in (await content.resources(pinned)).items()}
    missing = [*unanswered_of_versions(lookup, used), *unanswered_of_sources(lookup, organization.flows)]
    return with_resources(graph, used | _source_resources(organization), missing)


def _source_resources(organization: Organization) -> dict[str, tuple[ResourceReference, ...]]:
    return {str(flow.key): flow.source.resources for flow in organization.flows if isinstance(flow.source, SourceFile)}


def _with_own_keys(flows: Sequence[LiveFlow]) -> list[LiveFlow]:
    """The flows with unique keys: among equal keys, all but the published flow get their id as a part of the key."""
    shared, kept = shared_keys(flows), set[FlowKey]()
    apart = []
    # Published flows come first, so that one of them keeps the plain key.
    for flow in sorted(flows, key=lambda flow: (flow.published_version is None, flow.id)):
        own_key = FlowKey(flow.key.type, f"{flow.key.name} ({flow.id})") if flow.key in kept else flow.key
        if flow.key in shared:
            kept.add(flow.key)
        apart.append(replace(flow, key=own_key))
    return apart


def _ambiguous(flows: Sequence[LiveFlow]) -> list[str]:
    shared = sorted(shared_keys(flows))
    ids = {key: ", ".join(sorted(flow.id for flow in flows if flow.key == key)) for key in shared}
    return [f"{key}: several flows carry this type and name ({ids[key]})" for key in shared]


class _Contents:
    """Reads many versions. `incomplete` collects messages about unreadable ones."""

    def __init__(self, services: Services, organization: Organization) -> None:
        self._reader = FactReader(services, services.platform(organization), organization.name)
        self.incomplete: list[str] = []

    async def references(
        self, versions: Iterable[tuple[LiveFlow, str]], advance: Advance = unwatched
    ) -> dict[FlowKey, tuple[FlowReference, ...]]:
        return await self._read(versions, self._reader.references, advance)

    async def resources(self, versions: Iterable[tuple[LiveFlow, str]]) -> dict[FlowKey, tuple[ResourceReference, ...]]:
        platform = self._reader.platform
        if platform.resources is None:
            self.incomplete.append(f"the {platform.dialect} dialect does not tell what live versions use beside flows")
            return {}
        return await self._read(versions, self._reader.resources, unwatched)

    async def _read(
        self, versions: Iterable[tuple[LiveFlow, str]], read: Callable[[LiveFlow, str], Awaitable[T]], advance: Advance
    ) -> dict[FlowKey, T]:
        found: dict[FlowKey, T] = {}

        async def one(asked: tuple[LiveFlow, str]) -> None:
            live, version = asked
            try:
                found[live.key] = await read(live, version)
            except (NotFound, BadAnswer, PermissionMissing) as error:
                # In the versioned dialect listing flows is a right of its own, and its definitions tell most of it.
                if isinstance(error, PermissionMissing) and self._reader.platform.dialect != VERSIONED:
                    raise
                self.incomplete.append(f"{live.key}: version {version} could not be read ({error.message})")

        await each_of(versions, one, advance)
        return found


@dataclass(frozen=True, slots=True)
class IndexCheck:
    """The state of the index and its differences from the versions."""

    status: str
    """`OPERATIONAL`, or a state in which the index is unreliable."""
    complete: bool
    """Whether all answers were complete."""
    only_index: tuple[tuple[str, str], ...] = ()
    """Pairs of consumer and consumed flow that only the index has."""
    only_content: tuple[tuple[str, str], ...] = ()
    """Pairs that only the content of versions has."""

    @property
    def stale(self) -> bool:
        return self.status != OPERATIONAL or not self.complete

    def warnings(self) -> tuple[str, ...]:
        """Warnings for people."""
        found = []
        if self.stale:
            found.append(f"the organisation's dependency index is stale ({self.status}): do not rely on it")
        found += [f"only the dependency index says that {one} consumes {other}" for one, other in self.only_index]
        found += [f"the dependency index does not know that {one} consumes {other}" for one, other in self.only_content]
        return tuple(found)


async def check_index(services: Services, found: DependencyGraph, advance: Advance = unwatched) -> IndexCheck:
    """Ask the index for the consumers of each live flow, a call for each. Raises CapabilityMissing without an index."""
    platform = services.platform(found.organization)
    index = platform.dependency_index
    if index is None:
        raise CapabilityMissing(
            f"{found.organization.name}: the {platform.dialect} dialect has no dependency index",
            hint="leave --verify-index out: the graph is made from the versions themselves",
        )
    flows = list(found.live.flows.values()) if found.live else []
    known = {flow.id: str(flow.key) for flow in flows}
    complete = True
    pairs: set[tuple[str, str]] = set()

    async def ask(flow: LiveFlow) -> None:
        nonlocal complete
        answer = await index.consumers(flow)
        complete = complete and answer.complete
        pairs.update((known.get(each.id, each.name or each.id), str(flow.key)) for each in answer.flows)

    status = await index.state()
    await each_of(flows, ask, advance)
    content = _live_pairs(found.graph)
    return IndexCheck(status, complete, tuple(sorted(pairs - content)), tuple(sorted(content - pairs)))


def _live_pairs(graph: Graph) -> set[tuple[str, str]]:
    """Pairs from published versions. References that only the repository has do not concern the index."""
    return {
        (edge.consumer, edge.consumed)
        for edge in graph.flows().edges
        if edge.kind is not EdgeKind.DEPENDS_ON and edge.presence is not Presence.REPOSITORY
    }
