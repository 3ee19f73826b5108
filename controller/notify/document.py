"""A message as a document: what happened, to what, why, and what to do next.

The outbox keeps it, signed webhooks get it as it is, and every other format is made of it when it is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from controller.domain.notification import NotificationEvent, NotificationSeverity

NOTIFICATION = "notification"
"""The kind of such messages in the outbox, and the `event_type` of a webhook's payload."""
MOST_FLOWS = 50
"""A message lists at most so many flows, and counts all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifiedFlow:
    """A flow that a message is about."""

    flow: str
    """`metadata.name` of its manifest; `type/name` for a flow without one."""
    type: str
    """The flow's type; empty where it is not known."""
    name: str
    """The flow's name in the organisation; empty where it is not known."""
    outcome: str
    """A heading of `errors.md`, a state of a change, or a kind of drift."""
    why: str
    """The reason."""
    from_version: str | None
    """The version before."""
    to_version: str | None
    """The version that was to be, or became, live."""
    changes: int | None
    """How often this began or ended since the last message, where it changes often; null otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationDocument:
    """What happened to an organisation, or to flows of it."""

    schema: str = "penstock.notification/v1"
    """The name and version of this format."""
    event: NotificationEvent
    """What happened."""
    severity: NotificationSeverity
    """How grave it is; the end of something is as grave as that was."""
    organization: str
    """`metadata.name` of the organisation."""
    title: str
    """One line for people."""
    outcome: str
    """A heading of `errors.md`, the outcome of a delivery, or a kind of drift; that of the first flow."""
    why: str
    """The reason, where it is not that of each flow; else empty."""
    next_step: str
    """What a person can do next; empty where nothing is to be done."""
    url: str | None
    """The page of the controller about it; null without `PENSTOCK_PUBLIC_URL`."""
    revision: str | None
    """The commit."""
    author: str | None
    """Who wrote the commit."""
    actor: str | None
    """Who asked for the delivery; the author of the commit where nobody did."""
    sync_id: int | None
    """The delivery, where the message is about one."""
    plan_digest: str | None
    """The plan, where the message is about one."""
    flows: tuple[NotifiedFlow, ...]
    """The flows that it is about, at most 50; empty where it is about the whole organisation."""
    flows_total: int
    """How many flows it is about."""
    at: str
    """When it was found, ISO 8601."""

    @property
    def unlisted(self) -> int:
        """How many flows are counted and not listed."""
        return self.flows_total - len(self.flows)

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Self:
        """The document that `domain.documents.plain` made this of. Raises KeyError, TypeError and ValueError."""
        flows = tuple(NotifiedFlow(**flow) for flow in data["flows"])
        event, severity = NotificationEvent(data["event"]), NotificationSeverity(data["severity"])
        return cls(**{**data, "flows": flows, "event": event, "severity": severity})
