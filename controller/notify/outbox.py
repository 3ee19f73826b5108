"""Messages, and the port to the table in which they wait for their receiver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

ACTION_TRACE = "action_trace"
"""The kind of the message about an action trace; its fields are at the top level of the payload."""


def event(event_type: str, data: Mapping[str, object]) -> dict[str, object]:
    """`{"event_type": …, "data": …}`, the payload of an event; `data` must hold no secret."""
    return {"event_type": event_type, "data": dict(data)}


class OutgoingMessage(Protocol):
    """One message for one receiver."""

    @property
    def id(self) -> int: ...
    @property
    def target(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def payload(self) -> Mapping[str, object]: ...
    @property
    def attempts(self) -> int:
        """Tries that failed."""
        ...


class OutboxPort(Protocol):
    """Delivery is at least once; the store has one. Every method may raise StoreFailed."""

    def claim(self, *, limit: int = 20, for_s: float = 60.0) -> Sequence[OutgoingMessage]:
        """Messages that are due, oldest first; reserved for the caller for `for_s` seconds."""
        ...

    def delivered(self, message_id: int) -> None: ...

    def failed(self, message_id: int, reason: str, *, retry_after_s: float) -> None: ...

    def next_at(self) -> datetime | None:
        """When the next message is due; None when all are delivered."""
        ...
