"""Compares the organisation's dependency index, which can be stale, with the content of versions."""

from __future__ import annotations

from dataclasses import dataclass

from controller.domain.errors import CapabilityMissing
from controller.domain.live import LiveFlow
from controller.domain.waiting import Advance
from controller.graphs.model import EdgeKind, Graph, Presence
from controller.questions.dependency_graph import DependencyGraph
from controller.questions.fan_out import each_of, unwatched
from controller.reconcile.services import Services

OPERATIONAL = "OPERATIONAL"


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
