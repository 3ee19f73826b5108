"""Messages for tests: a usual one, and one whose names try all that markup can do."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from controller.domain.documents import plain
from controller.notify.document import NOTIFICATION, NotificationDocument
from controller.notify.outbox import event
from controller.notify.rendering import EXAMPLE

HOSTILE = (
    "<!channel> <@U1> @everyone @channel <at>Ada</at> [x](http://evil.example.com) ![i](http://evil.example.com/i) <b>"
)


def hostile(message: NotificationDocument = EXAMPLE) -> NotificationDocument:
    """The message, with strangers' words wherever strangers can put some."""
    flow = replace(message.flows[0], flow=HOSTILE, name=HOSTILE, why=HOSTILE)
    return replace(message, title=HOSTILE, why=HOSTILE, next_step=HOSTILE, author=HOSTILE, actor="x", flows=(flow,))


def many(count: int, message: NotificationDocument = EXAMPLE) -> NotificationDocument:
    """The message, about so many flows, with long reasons."""
    flows = tuple(
        replace(message.flows[0], flow=f"flow-{number:03}", why="& " * 240) for number in range(min(count, 50))
    )
    return replace(message, flows=flows, flows_total=count)


@dataclass(frozen=True)
class Queued:
    """A message as a target gets it."""

    document: NotificationDocument = EXAMPLE
    id: int = 7
    target: str = "voice"
    kind: str = NOTIFICATION
    attempts: int = 0
    created_at: datetime = datetime(2026, 1, 5, 12, tzinfo=UTC)
    recipient: str | None = None
    more: dict[str, object] = field(default_factory=dict)

    @property
    def payload(self) -> dict[str, object]:
        mailbox = {} if self.recipient is None else {"recipient": self.recipient}
        return {**event(NOTIFICATION, plain(self.document)), **mailbox, **self.more}
