"""What receivers are told."""

from __future__ import annotations

from collections.abc import Mapping

ACTION_TRACE = "action_trace"
"""The kind of the message that tells how an action trace came out; its fields stand at the top level (J6)."""


def event(event_type: str, data: Mapping[str, object]) -> dict[str, object]:
    """`{"event_type": …, "data": …}`, the payload of an event; `data` must hold no secret."""
    return {"event_type": event_type, "data": dict(data)}
