"""The one read that may ask an organisation: what the desired content of a flow changes in the live one."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, defaultdict
from typing import Final

from starlette.concurrency import run_in_threadpool

from controller.domain.desired import DesiredFlow
from controller.domain.errors.api import UnknownResource
from controller.domain.errors.organization import ServerFault
from controller.domain.waiting import deadline
from controller.questions.comparison_document import DiffDocument, comparisons_document
from controller.questions.comparisons import flow_against_live
from controller.service.api.entrance import Entrance
from controller.service.described import Described
from controller.store.views import FlowView

LONGEST_S: Final = 45.0
"""For one comparison, the wait for others included; below the limit for an answer."""
MOST_KEPT: Final = 64
_Key = tuple[str, str, str, str | None, str | None]


class Differences:
    """Compares one flow at a time in each organisation, and keeps the result while neither side has another version."""

    def __init__(self, entrance: Entrance) -> None:
        self._entrance = entrance
        self._kept: OrderedDict[_Key, DiffDocument] = OrderedDict()
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def of(self, organization: str, flow: str) -> DiffDocument:
        """The differences of one flow.

        Raises UnknownResource, ServerFault when it takes too long, and what the organisation's calls raise.
        """
        view = await run_in_threadpool(self._entrance.flow, organization, flow)
        described = self._entrance.desired(organization)
        desired = next((each for each in described.organization.flows if each.id == flow), None)
        if desired is None:
            raise UnknownResource(f"no manifest that was read describes the flow {flow!r} of {organization}")
        key = (organization, flow, desired.wanted, view.flow_id, view.version)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        try:
            async with deadline(self._entrance.window.services.clock, LONGEST_S), self._turns[organization]:
                return self._kept[key] if key in self._kept else await self._compare(key, described, desired, view)
        except TimeoutError as error:
            raise ServerFault(f"{flow}: not compared within {LONGEST_S:g} s", retry_after_s=LONGEST_S) from error

    async def _compare(self, key: _Key, described: Described, desired: DesiredFlow, view: FlowView) -> DiffDocument:
        found = await flow_against_live(described.services, described.organization, desired, view.flow_id)
        document = comparisons_document([found])
        if found.before is None or found.before.version == view.version:
            self._kept[key] = document
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return document
