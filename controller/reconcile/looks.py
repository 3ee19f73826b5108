"""Looks at organisations: all flows, or only those that were published since the last look of this process.

A publish is the only change that an organisation can be asked for. Deletions, unpublishes, locks, drafts and moves to
another division show only where all flows are read. `recent` therefore reads all of them where that takes one call,
and otherwise once the last time is too long ago; and the pass forgets a look that leaves anything to do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from controller.domain.clock import Clock
from controller.domain.live import LiveFlow
from controller.domain.platform import FlowListing
from controller.domain.ports import Platform

OVERLAP = timedelta(minutes=1)
"""Two windows overlap by this much: the index of an organisation lags, and its clock is known to the second."""


@dataclass(frozen=True, slots=True)
class FlowLook:
    """The flows of an organisation at one moment."""

    listing: FlowListing
    full: bool
    """Whether all flows were read, and not only the recently published ones."""
    full_at: datetime
    """The beginning of the last look that read all flows, by our clock."""


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
        listing = await platform.flows.listing(fresh=True)
        if listing.complete and listing.calls > 1 and platform.changes is not None:
            seen_at = self._organization_time(platform, began_s)
            self._remember(client, _Remembered(_by_id(listing.flows), began_at, began_s, seen_at), forgotten)
        else:
            self._last.pop(client, None)
        return FlowLook(listing, full=True, full_at=began_at)

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
        self._remember(client, _Remembered(flows, last.full_at, last.full_at_s, seen_at), forgotten)
        return FlowLook(FlowListing(list(flows.values())), full=False, full_at=last.full_at)

    def forget(self, client: str) -> None:
        """Let the next look read all flows, also if a look is running now."""
        self._last.pop(client, None)
        self._forgotten[client] += 1

    def _remember(self, client: str, look: _Remembered, forgotten: int) -> None:
        if self._forgotten[client] == forgotten:
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
