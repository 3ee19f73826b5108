"""Polls for out-of-band changes where no channel announces them: one call a minute instead of a whole listing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta

import structlog

from controller.domain.clock import Clock
from controller.domain.errors import PenstockError
from controller.domain.events import FlowEvent
from controller.domain.ports import ChangedFlows, Platform
from controller.service.out_of_band import OutOfBandChanges

log = structlog.get_logger()

POLL_S = 60.0
"""Between two polls; a worker with passes that often needs none."""
MOST_LOOKED_UP = 100
"""Flows that one call can read by their ids, with everything that happened to them."""
_OVERLAP = timedelta(minutes=1)
"""Clocks and the organisation's index may lag: ask for publishes since so long before."""
_NOTHING = ""
"""No version: nothing was reported of the flow yet."""


class ChangePoll:
    """Polls the managed flows of one organisation that no channel announces. Full passes run all the same.

    Up to a hundred flows are read by their ids. Of more, only those published since the last pass are read: the next
    pass sees an unpublish or a deletion among them.
    """

    def __init__(
        self, organization: str, clock: Clock, changes: OutOfBandChanges, heard: Callable[[], Collection[str]]
    ):
        """`heard` returns the flows that a channel announces at this moment."""
        self._organization = organization
        self._clock = clock
        self._changes = changes
        self._heard = heard
        self._since: datetime | None = None
        self._connect: Callable[[], Platform] | None = None
        self._told: dict[str, str | None] = {}
        self._failed = False

    def looked(self, at: datetime, connect: Callable[[], Platform]) -> None:
        """A pass began at that moment and has ended; `connect` gives the organisation's connection."""
        self._since = at
        self._connect = connect

    async def run(self) -> None:
        """Poll until cancelled; no error ends it."""
        while True:
            await self._clock.sleep(POLL_S)
            try:
                await self._poll()
                self._failed = False
            except PenstockError as error:
                level = log.info if self._failed else log.warning
                level("glance.failed", organization=self._organization, code=error.code, error=error.message)
                self._failed = True
            except Exception:
                # An internal fault must not end the polls silently.
                log.exception("glance.broke", organization=self._organization)

    async def _poll(self) -> None:
        unheard = self._changes.flow_ids - frozenset(self._heard())
        if not unheard or self._changes.passing or self._connect is None or self._since is None:
            return
        platform, looked_at = self._connect(), self._since
        if platform.changes is None:
            return
        seen = await self._seen(platform, platform.changes, unheard, looked_at)
        if self._is_outdated(looked_at):
            return
        for flow_id, version in sorted(seen.items()):
            # Report each version once: contradicting answers must not cause a pass a minute.
            if self._told.get(flow_id, _NOTHING) != version:
                self._told[flow_id] = version
                self._changes.heard(FlowEvent(flow_id, version))

    def _is_outdated(self, looked_at: datetime) -> bool:
        """Whether a pass began meanwhile: its own publishes must not count as out-of-band changes."""
        return self._changes.passing or looked_at is not self._since

    async def _seen(
        self, platform: Platform, changes: ChangedFlows, unheard: Collection[str], looked_at: datetime
    ) -> Mapping[str, str | None]:
        """The published version of each flow that changed, or of all where they are few."""
        if len(unheard) > MOST_LOOKED_UP:
            since = looked_at + platform.clock_ahead - _OVERLAP
            changed = await changes.changed_since(since)
            return {flow.id: flow.published_version for flow in changed if flow.id in unheard}
        found = await platform.flows.get_many(unheard)
        return {flow_id: found[flow_id].published_version if flow_id in found else None for flow_id in unheard}
