"""Names that are looked up before their flows are created: one listing of all flows answers for many of them.

A flow without an id can only be found in a list. So a listing tells as much as a query by name, and may lag as much.
Only the absence of a flow is taken from it: a flow with that type and name is read on its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from controller.domain.identity import FlowKey
from controller.domain.platform import FlowListing

_WORTH = 20
"""So many flows to be created are worth a first listing: it takes 20 calls where an organisation has 10,000 flows."""


@dataclass(slots=True, eq=False)
class Lookup:
    """One name that somebody waits for."""

    key: FlowKey
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    absent: bool = False


class Lookups:
    """The lookups of one sync.

    A listing is made where it takes no more calls than the lookups that wait for it; else each is made alone.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        """`wake` is called when a lookup waits for a listing."""
        self._wake = wake
        self._expected = 0
        self._calls: int | None = None
        self._waiting: list[Lookup] = []
        self._open = False

    @property
    def waiting(self) -> bool:
        """Whether a lookup waits for a listing."""
        return bool(self._waiting)

    def expect(self, flows: int) -> None:
        """Report how many flows the sync creates."""
        self._expected = flows

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Lookups wait for a listing only within the block."""
        self._open = True
        try:
            yield
        finally:
            self.close()

    def close(self) -> None:
        """Leave those that wait, and all that follow, to lookups of their own."""
        self._open = False
        waiting, self._waiting = self._waiting, []
        self.answer(waiting, None)

    async def absent(self, key: FlowKey) -> bool:
        """Whether a listing that began after this call is complete and shows no flow with this type and name.

        False also where no listing is made or read: the name has to be looked up alone then.
        """
        if not self._open or (self._calls is None and self._expected < _WORTH):
            return False
        lookup = Lookup(key)
        self._waiting.append(lookup)
        self._wake()
        try:
            await lookup.answered.wait()
        finally:
            if lookup in self._waiting:
                self._waiting.remove(lookup)
        return lookup.absent

    def take(self) -> Sequence[Lookup]:
        """Those that wait, to be answered by a listing that begins now; none where each is better made alone."""
        taken, self._waiting = self._waiting, []
        if self._calls is None or len(taken) >= self._calls:
            return taken
        self.answer(taken, None)
        return ()

    def answer(self, taken: Sequence[Lookup], listing: FlowListing | None) -> None:
        """Tell those that were taken what the listing shows; None where it could not be read."""
        shown: frozenset[FlowKey] | None = None
        if taken and listing is not None:
            self._calls = listing.calls
            if listing.complete:
                shown = frozenset(flow.key for flow in listing.flows)
        for lookup in taken:
            lookup.absent = shown is not None and lookup.key not in shown
            lookup.answered.set()
