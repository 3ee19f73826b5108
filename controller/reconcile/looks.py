"""Looks at organisations: all flows, or only those that were published since the last look of this process.

A publish is the only change that an organisation can be asked for. Deletions, unpublishes, locks, drafts and moves to
another division show only where all flows are read. `recent` therefore reads all of them where that takes one call,
and otherwise once the last time is too long ago; and the pass forgets a look that leaves anything to deliver.

What the pass found in the last full look is remembered as well: drift that only a person can end is found again in
each pass, and costs no full look in each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from controller.domain.clock import Clock
from controller.domain.live import LastChange, LiveFlow
from controller.domain.platform import FlowListing
from controller.domain.ports import Platform
from controller.planning.model import Drift

OVERLAP = timedelta(minutes=1)
"""Two windows overlap by this much: the index of an organisation lags, and its clock is known to the second."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Answers about single flows since the last look that read all. They hold as long as no window shows the flow."""

    gone: set[str] = field(default_factory=set)
    """Ids of flows that the listing lacks, and that are not found by their ids either."""
    changes: dict[LiveFlow, LastChange | None] = field(default_factory=dict)
    """The last out-of-band change of a flow that is listed like this."""


@dataclass(frozen=True, slots=True)
class FlowLook:
    """The flows of an organisation at one moment."""

    listing: FlowListing
    full: bool
    """Whether all flows were read, and not only the recently published ones."""
    full_at: datetime
    """The beginning of the last look that read all flows, by our clock."""
    confirmed: Confirmed = field(default_factory=Confirmed)


@dataclass(frozen=True, slots=True)
class PlanFound:
    """What a pass found that it does not deliver: its plan and drift, in which no time of observation shows."""

    digest: str
    drift: tuple[Drift, ...]


@dataclass(frozen=True, slots=True)
class _Remembered:
    """The last look at an organisation."""

    flows: Mapping[str, LiveFlow]
    """By id, as listed."""
    full_at: datetime
    full_at_s: float
    """The same moment on the monotonic clock."""
    seen_at: datetime
    """The beginning of the last look of any kind, by the organisation's clock."""
    confirmed: Confirmed
    finding: PlanFound | None = None
    """What was found when all flows were read."""


class Looks:
    """The last look of this process at each organisation.

    `client` is the client that reads, because another one may see other flows (`OrganizationIdentity.by_client`).
    """

    def __init__(self, clock: Clock, full_interval_s: float) -> None:
        self._clock = clock
        self._full_interval_s = full_interval_s
        self._last: dict[str, _Remembered] = {}
        self._forgotten: Counter[str] = Counter()
        """How often each look was forgotten: a look that began before that is not remembered."""

    async def full(self, client: str, platform: Platform) -> FlowLook:
        """Read all flows: a call for each 500. Raises what the organisation's calls raise."""
        began_at, began_s, forgotten = self._clock.now(), self._clock.monotonic(), self._forgotten[client]
        confirmed = Confirmed()
        listing = await platform.flows.listing(fresh=True)
        if listing.complete and listing.calls > 1 and platform.changes is not None:
            seen_at = self._organization_time(platform, began_s)
            look = _Remembered(_by_id(listing.flows), began_at, began_s, seen_at, confirmed)
            self._remember(client, look, forgotten)
        else:
            self._last.pop(client, None)
        return FlowLook(listing, full=True, full_at=began_at, confirmed=confirmed)

    async def recent(self, client: str, platform: Platform) -> FlowLook:
        """Ask only for what was published since the last look, where that is enough; otherwise read all flows.

        Raises what the organisation's calls raise.
        """
        last, changes = self._last.get(client), platform.changes
        if last is None or changes is None or self._is_too_old(last):
            return await self.full(client, platform)
        began_s, forgotten = self._clock.monotonic(), self._forgotten[client]
        published = await changes.changed_since(last.seen_at - OVERLAP)
        if not published.complete:
            return await self.full(client, platform)
        flows = {**last.flows, **_by_id(published.flows)}
        seen_at = self._organization_time(platform, began_s)
        self._remember(client, replace(last, flows=flows, seen_at=seen_at), forgotten)
        listing = FlowListing(list(flows.values()))
        return FlowLook(listing, full=False, full_at=last.full_at, confirmed=last.confirmed)

    def found(self, client: str, look: FlowLook, finding: PlanFound) -> None:
        """Remember what a pass found in a full look, unless another look was made or forgotten since."""
        last = self._last.get(client)
        if last is not None and last.confirmed is look.confirmed:
            self._last[client] = replace(last, finding=finding)

    def found_before(self, client: str, look: FlowLook, finding: PlanFound) -> bool:
        """Whether the full look behind this one found the same."""
        last = self._last.get(client)
        return last is not None and last.confirmed is look.confirmed and last.finding == finding

    def forget(self, client: str) -> None:
        """Let the next look read all flows, also if a look is running now."""
        self._last.pop(client, None)
        self._forgotten[client] += 1

    def _remember(self, client: str, look: _Remembered, forgotten: int) -> None:
        if self._forgotten[client] == forgotten:
            # Of a client that is not used any more, nothing stays.
            self._last = {known: last for known, last in self._last.items() if not self._is_too_old(last)}
            self._last[client] = look

    def _is_too_old(self, last: _Remembered) -> bool:
        """By either clock: one may be set, and the other may stand still while the machine sleeps."""
        age_s = (self._clock.now() - last.full_at).total_seconds()
        return not (0 <= age_s < self._full_interval_s > self._clock.monotonic() - last.full_at_s)

    def _organization_time(self, platform: Platform, began_s: float) -> datetime:
        """The time at that moment by the organisation's clock, from the `Date` of the answer that came since."""
        since = timedelta(seconds=self._clock.monotonic() - began_s)
        return self._clock.now() + platform.clock_ahead - since


def _by_id(flows: Iterable[LiveFlow]) -> dict[str, LiveFlow]:
    return {flow.id: flow for flow in flows}
