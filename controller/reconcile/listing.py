"""The flows of an organisation at one moment, by its list; doubtful ones are read by id.

A listing shows a flow that was just created, or a version that was just published, seconds late. A recorded flow that
it lacks, or shows in another version moments after the record, is read before it counts as missing or changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from controller.domain.identity import FlowKey
from controller.domain.live import LiveFlow, LiveState
from controller.domain.platform import FlowListing, Priority
from controller.domain.ports import Platform
from controller.domain.recorded import RecordedFlow, RecordedState
from controller.domain.waiting import for_each
from controller.reconcile.looks import FlowLook
from controller.reconcile.services import Services

T = TypeVar("T")
LAG = timedelta(minutes=10)
"""Time after a record in which a listing with another version is not trusted."""


class Answers:
    """Answers of an organisation that hold for one observation, each read once."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Any] = {}

    async def once(self, what: str, flow_id: str, read: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The answer about a flow. Raises what reading raises, each time."""
        if (what, flow_id) not in self._known:
            self._known[what, flow_id] = await read()
        answer: T = self._known[what, flow_id]
        return answer


@dataclass(frozen=True, slots=True)
class Listing:
    """The flows of an organisation at one moment: the beginning of its live state for any desired state."""

    services: Services
    platform: Platform
    recorded: RecordedState
    live: LiveState
    """The listing alone."""
    look: FlowLook
    answers: Answers = field(default_factory=Answers)


async def list_organization(services: Services, platform: Platform, recorded: RecordedState, look: FlowLook) -> Listing:
    """The flows of a look at the organisation; doubtful ones are read themselves."""
    live = listed(look.listing, services.clock.now())
    known = look.confirmed.gone
    flows = await confirmed(platform, recorded, live.flows, services.clock.now(), known_gone=known)
    known |= {each.flow_id for each in recorded.flows.values()} - {flow.id for flow in flows.values()}
    return Listing(services, platform, recorded, replace(live, flows=flows), look)


def listed(listing: FlowListing, now: datetime) -> LiveState:
    """The live state from a listing alone."""
    partial = () if listing.complete else ("the list of flows changed while it was read",)
    flows = {flow.key: flow for flow in listing.flows}
    return LiveState(flows, now, ambiguous=shared_keys(listing.flows), partial=partial)


def shared_keys(flows: Iterable[LiveFlow]) -> frozenset[FlowKey]:
    """Types and names that several flows carry."""
    return frozenset(key for key, count in Counter(flow.key for flow in flows).items() if count > 1)


async def confirmed(
    platform: Platform,
    recorded: RecordedState,
    flows: Mapping[FlowKey, LiveFlow],
    now: datetime,
    *,
    priority: Priority = Priority.OBSERVE,
    known_gone: Collection[str] = (),
) -> dict[FlowKey, LiveFlow]:
    """The listed flows; doubtful ones are read by their recorded id, one call for each, but those that are known."""
    records = (record for record in recorded.flows.values() if record.flow_id not in known_gone)
    doubtful = [record for record in records if _in_doubt(record, flows.get(record.key), now)]
    found = await for_each((record.flow_id for record in doubtful), platform.at(priority).flows.get)
    return {**flows, **{flow.key: flow for flow in found if flow is not None and _fits(flow, flows)}}


def _in_doubt(record: RecordedFlow, live: LiveFlow | None, now: datetime) -> bool:
    """Whether the listing lacks the flow, or shows another version than was recorded moments ago."""
    if live is None:
        return True
    moments_ago = record.recorded_at is not None and abs(now - record.recorded_at) < LAG
    return moments_ago and live.id == record.flow_id and live.published_version != record.version


def _fits(flow: LiveFlow, flows: Mapping[FlowKey, LiveFlow]) -> bool:
    return flow.key not in flows or flows[flow.key].id == flow.id
