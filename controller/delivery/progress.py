"""What delivery tells while it works: named events for logs, progress bars and metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class DeliveryEvent:
    """One thing that happened, as `noun.verb` with its facts; never a secret."""

    name: str
    organization: str
    sync_id: int
    flow: str | None = None
    """`metadata.name` of the change that it is about."""
    fields: Mapping[str, object] = field(default_factory=dict)


_DETAILS = frozenset({"write", "publish", "validation"})
"""What only somebody who is looking for a fault wants to read."""

OnEvent = Callable[[DeliveryEvent], None]


class Announcer:
    """Logs every event and hands it to the listener. What the listener raises ends the delivery."""

    def __init__(self, listener: OnEvent | None) -> None:
        self._listener = listener
        self._held: list[DeliveryEvent] | None = None

    @contextmanager
    def once_true(self) -> Iterator[None]:
        """Tell what happens in here when it is over: what a transaction takes back has not happened."""
        held: list[DeliveryEvent] = []
        self._held = held
        try:
            yield
        finally:
            self._held = None
        for event in held:
            self.tell(event)

    def tell(self, event: DeliveryEvent) -> None:
        if self._held is not None:
            self._held.append(event)
            return
        say = log.debug if event.name.partition(".")[0] in _DETAILS else log.info
        say(event.name, organization=event.organization, sync=event.sync_id, flow=event.flow, **dict(event.fields))
        if self._listener is not None:
            self._listener(event)
