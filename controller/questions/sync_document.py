"""Syncs as documents: a page of them (`penstock.syncs/v1`), and one with its changes (`penstock.sync/v1`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from controller.domain.status import StepCause, StepState
from controller.store.records import SyncState, WriteOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncStateDocument:
    """A sync."""

    id: int
    """Its number in the store."""
    organization: str
    """The name under which the organisation's history is kept: `metadata.name`."""
    revision: str | None
    """The commit that it delivers; null without git."""
    plan_digest: str
    """The digest of its plan."""
    state: SyncState
    """How it ended, or that it runs."""
    actor: str
    """Who started it."""
    author: str | None
    """Who wrote the commit."""
    trigger: str
    """Why it ran."""
    on_failure: str
    """What was to happen after a failed change."""
    dirty: bool
    """Whether uncommitted changes were delivered."""
    started_at: datetime
    """When it started, ISO 8601."""
    finished_at: datetime | None
    """When it ended; null while it runs."""
    steps: Mapping[str, int]
    """How many changes are in which state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncsDocument:
    """`GET /api/v1/syncs`: a page of syncs, newest first."""

    schema: Literal["penstock.syncs/v1"] = "penstock.syncs/v1"
    syncs: Sequence[SyncStateDocument]
    """The syncs, newest first."""
    next: int | None
    """The value of `before` for the next page; null on the last one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteStateDocument:
    """A call that changes an organisation."""

    action: str
    """What it does, such as `publish`."""
    intent_at: datetime
    """When it was announced, before it was made."""
    outcome: WriteOutcome | None
    """How it ended; null while it is made, and where the process died around it."""
    result_at: datetime | None
    """When its result was noted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncStepDocument:
    """A change of a sync."""

    id: int
    """Its number in the store."""
    sync_id: int
    """The number of its sync."""
    flow: str
    """`metadata.name`, as in the plan."""
    type: str
    """The flow's type."""
    name: str
    """The flow's name."""
    change: str
    """The kind of the change, as in `penstock.plan/v1`."""
    state: StepState
    """How far it came."""
    wanted: str
    """The desired state: the version, or the digest of the source."""
    flow_id: str | None
    """The organisation's id of the flow."""
    previous_version: str | None
    """The live version before this change."""
    target_version: str | None
    """The version that it is to make live."""
    live_version: str | None
    """The version that it, or its rollback, was seen to have made live."""
    reason: str | None
    """For people: why, or why not."""
    cause: StepCause | None
    """Why it was rolled back or skipped."""
    error_code: str | None
    """What it failed with: a heading of `errors.md`."""
    paused: bool
    """Whether it is live and a gate could not decide."""
    bake_until: datetime | None
    """Until when it is watched."""
    updated_at: datetime
    """When its state last changed, ISO 8601."""
    recorded_at: datetime | None
    """When it was recorded in git."""
    writes: Sequence[WriteStateDocument]
    """The calls that it made, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncDocument:
    """`GET /api/v1/syncs/{sync}`: one sync with a page of its changes."""

    schema: Literal["penstock.sync/v1"] = "penstock.sync/v1"
    sync: SyncStateDocument
    """The sync."""
    summary: Mapping[str, Any]
    """What was counted when it ended."""
    approved_by: Sequence[str]
    """Who approved its plan, or accepted what these changes made live."""
    total: int
    """How many changes it has."""
    limit: int
    """How many are shown at most."""
    offset: int
    """How many come before them."""
    steps: Sequence[SyncStepDocument]
    """In deployment order."""
