"""Looking for what somebody published where nobody announces it: one call a minute instead of a whole listing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta

import structlog

from controller.domain.clock import Clock
from controller.domain.errors import PenstockError
from controller.domain.events import FlowEvent
from controller.domain.ports import ChangedFlows, Platform
from controller.service.hand_changes import HandChanges

log = structlog.get_logger()

GLANCE_S = 60.0
"""Between two glances; a worker that looks as often by itself needs none."""
MOST_LOOKED_UP = 100
"""Flows that one call can ask for by their ids, which tells of everything that happened to them."""
_OVERLAP = timedelta(minutes=1)
"""Clocks and the organisation's index may lag: what was published so long before counts as published since."""
_NOTHING = ""
"""No version: nothing was told of the flow yet."""


class Glancing:
    """Glances at the managed flows of one organisation that no channel announces. Whole looks come all the same.

    Up to a hundred flows are looked up by their ids. Of more only those are asked for that were published since the
    last whole look: an unpublish or a deletion among them is seen by the next whole look.
    """

    def __init__(self, organization: str, clock: Clock, changes: HandChanges, heard: Callable[[], Collection[str]]):
        """`heard` tells the flows that a channel announces at this moment."""
        self._organization = organization
        self._clock = clock
        self._changes = changes
        self._heard = heard
        self._since: datetime | None = None
        self._connect: Callable[[], Platform] | None = None
        self._told: dict[str, str | None] = {}
        self._failed = False

    def looked(self, at: datetime, connect: Callable[[], Platform]) -> None:
        """A whole look began at that moment and has ended; `connect` gives the organisation's connection."""
        self._since = at
        self._connect = connect

    async def run(self) -> None:
        """Glance until cancelled. Nothing that a call does ends it."""
        while True:
            await self._clock.sleep(GLANCE_S)
            try:
                await self._glance()
                self._failed = False
            except PenstockError as error:
                level = log.info if self._failed else log.warning
                level("glance.failed", organization=self._organization, code=error.code, error=error.message)
                self._failed = True
            except Exception:
                # A fault of ours must not end all glances unseen.
                log.exception("glance.broke", organization=self._organization)

    async def _glance(self) -> None:
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
            # Each once: an organisation whose answers contradict each other must not set off a pass a minute.
            if self._told.get(flow_id, _NOTHING) != version:
                self._told[flow_id] = version
                self._changes.heard(FlowEvent(flow_id, version))

    def _is_outdated(self, looked_at: datetime) -> bool:
        """A pass that began meanwhile looks by itself, and publishes what must not be taken for somebody else's."""
        return self._changes.passing or looked_at is not self._since

    async def _seen(
        self, platform: Platform, changes: ChangedFlows, unheard: Collection[str], looked_at: datetime
    ) -> Mapping[str, str | None]:
        """The published versions of the flows that the organisation tells of."""
        if len(unheard) > MOST_LOOKED_UP:
            since = looked_at + platform.clock_ahead - _OVERLAP
            changed = await changes.changed_since(since)
            return {flow.id: flow.published_version for flow in changed if flow.id in unheard}
        found = await platform.flows.get_many(unheard)
        return {flow_id: found[flow_id].published_version if flow_id in found else None for flow_id in unheard}
