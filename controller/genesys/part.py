"""The base of the parts of a platform: operations that share a connection and a priority."""

from __future__ import annotations

from copy import copy
from typing import Self

from controller.domain.platform import Priority
from controller.genesys.transport import Transport


class Part:
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
