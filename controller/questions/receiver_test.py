"""Sends one message to a receiver, past the outbox, to see whether it is taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from controller.domain.documents import plain
from controller.domain.errors.process import SettingsInvalid
from controller.domain.notification import NotificationEvent, NotificationSeverity
from controller.manifests.wording import did_you_mean
from controller.notify.document import NOTIFICATION, NotificationDocument
from controller.notify.outbox import RECIPIENT, event
from controller.notify.target import Reply
from controller.reconcile.notifications import Notifications


@dataclass(frozen=True, slots=True)
class _TestMessage:
    """A message that no outbox keeps."""

    payload: Mapping[str, object]
    id: int = 0
    target: str = ""
    kind: str = NOTIFICATION
    attempts: int = 0


async def try_receiver(
    name: str, notifications: Notifications, at: datetime, *, by: str
) -> Sequence[tuple[str, Reply]]:
    """The reply of the receiver, or of each of its mailboxes. Raises SettingsInvalid where it cannot be tried."""
    target = notifications.targets.get(name)
    if target is None:
        known = ", ".join(notifications.targets) or "none"
        hint = did_you_mean(name, notifications.targets) or f"PENSTOCK_CONFIG has: {known}"
        raise SettingsInvalid(f"no receiver is named {name}", hint=hint)
    if name in notifications.statuses:
        raise SettingsInvalid(
            f"{name} is the status of commits, which a message does not reach",
            hint="it is set when the controller looks at an organisation next",
        )
    payload = event(NOTIFICATION, plain(_message(name, at, by)))
    found = []
    async with target.opened() as send:
        for mailbox in notifications.mailboxes.get(name, (None,)):
            own = payload if mailbox is None else {**payload, RECIPIENT: mailbox}
            found.append((mailbox or name, await send(_TestMessage(own))))
    return found


def _message(name: str, at: datetime, by: str) -> NotificationDocument:
    return NotificationDocument(
        event=NotificationEvent.RECOVERED,
        severity=NotificationSeverity.INFO,
        organization="none",
        title=f"Penstock reaches the receiver {name}",
        outcome="test",
        why=f"{by} ran `penstock notify {name}` to try it; nothing happened to any organisation",
        next_step="",
        url=None,
        revision=None,
        author=None,
        actor=by,
        sync_id=None,
        plan_digest=None,
        flows=(),
        flows_total=0,
        at=at.isoformat(),
    )
