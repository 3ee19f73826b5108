"""The live versions of flows that are consumed, but not changed, by a sync.

A module that many flows call is read once for all of them that were on their way at that time.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field

from controller.domain.clock import Clock
from controller.domain.identity import FlowKey
from controller.domain.ports import Flows


@dataclass(slots=True, eq=False)
class ConsumedFlows:
    """What was read of them in one sync."""

    clock: Clock
    _read: dict[FlowKey, tuple[float, str | None]] = field(default_factory=dict)
    """When the flow was read last, and the version that was live then."""
    _turns: defaultdict[FlowKey, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    async def version_of(self, key: FlowKey, flows: Flows, *, since: float) -> str | None:
        """The version that was live after the monotonic time `since`; None where nothing was. Raises as `find` does.

        A publish binds between its beginning and its end: an answer from then says as much as one from after it.
        """
        async with self._turns[key]:
            known = self._read.get(key)
            if known is not None and known[0] >= since:
                return known[1]
            began = self.clock.monotonic()
            version = await version_now(key, flows)
            self._read[key] = began, version
            return version


async def version_now(key: FlowKey, flows: Flows) -> str | None:
    """The version that is live at this moment; None where nothing is. Raises as `find` does."""
    found = await flows.find(key)
    return None if found is None else found.published_version
