"""The bases of the platforms and of their parts: a part is a group of operations of one dialect."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from copy import copy
from datetime import timedelta
from typing import Self

from controller.domain.errors.change import AmbiguousFlow, FlowLocked
from controller.domain.errors.organization import RequestRejected
from controller.domain.identity import FlowKey
from controller.domain.live import LiveFlow, LockHolder
from controller.domain.platform import CallLoad, Priority
from controller.domain.ports import Platform
from controller.genesys.transport import Transport


class PlatformPart:
    """Operations of one kind. Each sends at its usual priority, unless `at` sets one for all."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._priority: Priority | None = None

    def at(self, priority: Priority) -> Self:
        """The same operations at this priority; their memory is shared."""
        part = copy(self)
        part._priority = priority  # noqa: SLF001 - its own copy
        return part

    def _usually(self, priority: Priority) -> Priority:
        return priority if self._priority is None else self._priority


def only_flow(flows: Iterable[LiveFlow], key: FlowKey) -> LiveFlow | None:
    """The flow with exactly this type and name among these. Raises AmbiguousFlow for several."""
    found = [flow for flow in flows if flow.key == key]
    if len(found) > 1:
        ids = ", ".join(sorted(flow.id for flow in found))
        raise AmbiguousFlow(f"{key}: {len(found)} flows carry this type and name ({ids})", hint="rename all but one")
    return found[0] if found else None


def locked_by(holder: LockHolder, flow: str, hint: str) -> FlowLocked:
    """The error for a flow that somebody holds."""
    since = f" since {holder.since.isoformat()}" if holder.since else ""
    return FlowLocked(f"flow {flow} is locked by {holder.name}{since}", holder=holder.name, hint=hint)


@asynccontextmanager
async def conflicts_as(locked: Callable[[RequestRejected], Awaitable[FlowLocked]]) -> AsyncIterator[None]:
    """Raise FlowLocked, as `locked` finds it, instead of a 409."""
    try:
        yield
    except RequestRejected as error:
        if error.status != 409:
            raise
        raise await locked(error) from error


class ConnectedPlatform(Platform):
    """An organisation behind a transport."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        transport.dialect = self.dialect

    @property
    def clock_ahead(self) -> timedelta:
        return self.transport.clock_ahead

    @property
    def load(self) -> CallLoad:
        return self.transport.budget.load

    def at(self, priority: Priority) -> Self:
        view = copy(self)
        for name, part in vars(self).items():
            if isinstance(part, PlatformPart):
                setattr(view, name, part.at(priority))
        return view

    async def aclose(self) -> None:
        await self.transport.aclose()
