"""Messages, and the port to the table in which they wait for their receiver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

ACTION_TRACE = "action_trace"
"""The kind of the message about an action trace; its fields are at the top level of the payload."""
RECIPIENT = "recipient"
"""The key of a payload that holds the mailbox that it is for."""
COMMIT_STATUS = "commit_status"
"""The kind of the message that sets a commit's status."""


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


class QueuedMessage(OutgoingMessage, Protocol):
    """One that waits in the outbox."""

    @property
    def created_at(self) -> datetime: ...


class OutboxPort(Protocol):
    """Delivery is at least once; the store has one. Every method may raise StoreFailed."""

    def claim(self, *, limit: int = 20, for_s: float = 60.0) -> Sequence[QueuedMessage]:
        """Messages that are due, oldest first; reserved for the caller for `for_s` seconds."""
        ...

    def delivered(self, message_id: int) -> None: ...

    def failed(self, message_id: int, reason: str, *, retry_after_s: float) -> None: ...

    def release(self, message_ids: Sequence[int]) -> None:
        """Give claimed messages back, to be sent at once."""
        ...

    def give_up(self, message_id: int, reason: str) -> None:
        """Keep a message from being sent again."""
        ...

    def next_at(self) -> datetime | None:
        """When the next message is due; None when all are delivered."""
        ...
