"""The port to the outbox: what the sender needs of the table in which messages wait for their receiver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol


class Message(Protocol):
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


class Outbox(Protocol):
    """Delivery is at least once; `store.Outbox` is one. Every method may raise StoreFailed."""

    def claim(self, *, limit: int = 20, for_s: float = 60.0) -> Sequence[Message]:
        """Messages that are due, oldest first; nobody else gets them for that many seconds."""
        ...

    def delivered(self, message_id: int) -> None: ...

    def failed(self, message_id: int, reason: str, *, retry_after_s: float) -> None: ...

    def next_at(self) -> datetime | None:
        """When the next message is due; None when all are delivered."""
        ...
