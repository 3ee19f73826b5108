"""The status of organisations as a document: `penstock.status/v1`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from controller.domain.status import Health, SyncStatus
from controller.planning.model import HeldBack
from controller.questions.error_document import ErrorDocument
from controller.questions.status import FlowStatus
from controller.store.records import SyncState


@dataclass(frozen=True, slots=True, kw_only=True)
class LastSyncDocument:
    """The last sync."""

    id: int
    """Its number in the store."""
    state: SyncState
    """How it ended, or that it runs."""
    revision: str | None
    """The commit that it delivered; null without git."""
    actor: str
    """Who started it."""
    trigger: str
    """Why it ran, with the options with which a person lifted a rule."""
    started_at: datetime
    """When it started, ISO 8601."""
    finished_at: datetime | None
    """When it ended, ISO 8601; null while it runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationStatusDocument:
    """An organisation's status."""

    name: str
    """`metadata.name`."""
    revision: str | None
    """The commit that it is compared with; null without git."""
    sync: SyncStatus
    """`Synced`, `OutOfSync` or `Unknown`; a flow that is suspended is not compared."""
    health: Health
    """The worst of its flows: `Healthy`, `Suspended`, `Progressing`, `Missing`, `Degraded` or `Unknown`."""
    flows: Sequence[FlowStatus]
    """Its managed flows, in order of `flow`."""
    drift: Sequence[str]
    """Out-of-band changes, for people."""
    warnings: Sequence[str]
    """Facts for a person, such as a record under the organisation's former name, or messages that wait for change
    management."""
    unmanaged: int | None
    """Live flows in no manifest; null when the organisation could not be read."""
    last_sync: LastSyncDocument | None
    """The newest sync; null before the first one."""
    held_back: Sequence[HeldBack]
    """The changes that `apply` would not carry out at this moment."""
    at_work: str | None
    """The controller that holds the organisation's lease."""
    error: ErrorDocument | None
    """A `penstock.error/v1`: why the organisation could not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusDocument:
    """`penstock status --format json`: sync status and health.

    An organisation that cannot be looked at is `Unknown` and has an `error`, and the exit code is 1.
    """

    schema: Literal["penstock.status/v1"] = "penstock.status/v1"
    organizations: Sequence[OrganizationStatusDocument]
    """One entry for each organisation, in order of name."""
