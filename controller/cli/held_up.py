"""What keeps a change from moving on, in the words that people see."""

from __future__ import annotations

from controller.delivery import DeliveryEvent


def held_up(event: DeliveryEvent) -> str:
    """Why the change waits; empty for what does not hold it up."""
    if event.name == "lock.waiting":
        return f"waits: locked by {event.fields.get('holder') or 'another operation'}"
    if event.name == "rollback.attempt-failed":
        return f"not back yet, tried again: {event.fields.get('message')}"
    if event.name == "verify.unread":
        return f"not known yet, read again later: {event.fields.get('message')}"
    return ""
