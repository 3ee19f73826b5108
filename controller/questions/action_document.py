"""What people asked of the controller, as documents: `penstock.action/v1`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from controller.store.actions import ActionOutcome, Verb


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionStateDocument:
    """An action."""

    id: int
    """Its number in the store."""
    organization: str
    """`metadata.name` of the organisation."""
    flow: str | None
    """The flow that it is about; null for the whole organisation."""
    verb: Verb
    """What is to be done: `sync`, `retry` or `rollback`."""
    digest: str | None
    """The plan that the person saw."""
    version: str | None
    """The version to roll back to; null for the one delivered before."""
    by: str
    """Who asked for it."""
    reason: str
    """Why."""
    at: datetime
    """When, ISO 8601."""
    taken_by: str | None
    """The controller that carries it out; null while it waits."""
    taken_at: datetime | None
    """Since when."""
    done_at: datetime | None
    """When it ended; null while it waits or runs."""
    outcome: ActionOutcome | None
    """How it ended: `done`, `refused`, `failed` or `interrupted`."""
    message: str | None
    """How it ended, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionDocument:
    """`POST /api/v1/organizations/{organization}/sync`, `/retry` and `/rollback`, and `GET /api/v1/actions/{action}`.

    The controller carries it out; it is done once `done_at` is set.
    """

    schema: Literal["penstock.action/v1"] = "penstock.action/v1"
    action: ActionStateDocument
    """The action."""
