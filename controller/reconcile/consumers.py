"""The consumers of flows that may be pruned: by the dependency index, and by versions that are too new for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from controller.delivery.dependency_index import consumers_of, index_fault
from controller.domain.desired import Organization
from controller.domain.errors.branches import PenstockError
from controller.domain.identity import FlowKey
from controller.domain.live import LiveFlow
from controller.domain.ports import Platform
from controller.domain.recorded import RecordedState
from controller.domain.references import FlowReference, Resolution
from controller.domain.waiting import for_each

INDEX_LAG = timedelta(hours=1)
"""Delay of the dependency index after a publish; younger versions are read themselves."""


@dataclass(slots=True)
class Consumers:
    """Consumers of each flow that may be pruned, or why they are unknown."""

    known: dict[FlowKey, tuple[FlowKey, ...]] = field(default_factory=dict)
    unknown: dict[FlowKey, str] = field(default_factory=dict)

    def add(self, flows: Iterable[LiveFlow], references: Mapping[FlowKey, tuple[FlowReference, ...]]) -> None:
        """Add flows that refer to one of these flows as its consumers, even if the index lacks them."""
        for flow in flows:
            referring = {key for key, made in references.items() if any(_means(each, flow) for each in made)}
            if flow.key not in self.unknown:
                self.known[flow.key] = tuple(sorted({*self.known.get(flow.key, ()), *referring} - {flow.key}))


def _means(reference: FlowReference, flow: LiveFlow) -> bool:
    """Whether the reference can mean the flow."""
    if reference.flow_id is not None:
        return reference.flow_id == flow.id
    typed = not reference.types or flow.key.type in reference.types
    return reference.resolution is Resolution.STATIC and reference.name == flow.key.name and typed


def prunable(
    organization: Organization, recorded: RecordedState, flows: Mapping[FlowKey, LiveFlow]
) -> tuple[LiveFlow, ...]:
    """Published flows with a record but no manifest; none if pruning is off."""
    if not organization.sync.prune or organization.suspended:
        return ()
    wanted = {flow.key for flow in organization.flows}
    found = (flows[key] for key in sorted(recorded.flows) if key not in wanted and key in flows)
    return tuple(flow for flow in found if flow.published_version is not None)


def too_new_for_the_index(flows: Iterable[LiveFlow], now: datetime) -> Iterator[LiveFlow]:
    """Flows with references that the index may not have yet."""
    for flow in flows:
        if flow.published_version and (flow.published_at is None or flow.published_at > now - INDEX_LAG):
            yield flow


async def ask_consumers(platform: Platform, flows: tuple[LiveFlow, ...], keys: Mapping[str, FlowKey]) -> Consumers:
    """Ask the dependency index about each flow; `keys` are the live flows by id. One call for each, and one more."""
    found = Consumers()
    index = platform.dependency_index
    if not flows or index is None:
        return found
    try:
        fault = await index_fault(index)
    except PenstockError as error:
        fault = f"the dependency index does not answer ({error.message})"
    if fault is not None:
        found.unknown = {flow.key: fault for flow in flows}
        return found

    async def ask(flow: LiveFlow) -> None:
        try:
            found.known[flow.key] = await consumers_of(index, flow, keys)
        except PenstockError as error:
            found.unknown[flow.key] = error.message

    await for_each(flows, ask)
    return found
