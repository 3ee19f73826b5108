"""Entries of the audit log as a document: `penstock.audit/v1`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from controller.domain.documents import optional


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntryDocument:
    """An entry of the audit log."""

    timestamp: datetime | None
    """When it was kept, ISO 8601 in UTC."""
    organization: str
    """`metadata.name`."""
    action: str
    """What was done; [the audit log](audit.md#actions) has the list."""
    status: str
    """How it ended."""
    success: bool | None
    """Whether it ended well; null where it is neither an end nor a success."""
    error: str | None
    """Why it did not."""
    flow: str | None
    """`type/name`."""
    flow_id: str | None
    """The organisation's id of the flow."""
    version: str | None
    """The version that the action made live, or that it is about."""
    target_version: str | None
    """The version that should become live, where it is known beforehand."""
    actor: str
    """Who acted."""
    author: str | None
    """The author of the commit that is delivered."""
    revision: str | None
    """That commit."""
    latency_ms: float | None
    """How long the action took, in milliseconds."""
    validation_error_rate: float | None
    """Failed validations divided by validations, from 0 to 1."""
    deployment_success_rate: float | None
    """Changes that went well divided by all, from 0 to 1."""
    webhook_synced: bool | None
    """Whether change management has been told; null where it need not be."""
    details: Mapping[str, Any]
    """What only this action has."""
    filed: bool | None
    """Whether the process that appended it keeps daily files; null before there was a chain."""
    position: int | None
    """Its number in the organisation's chain, from 1."""
    previous: str | None
    """The digest of the entry before it; 64 zeros before the first."""
    digest: str | None
    """Its own digest, SHA-256 in hexadecimal digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLogDocument:
    """`penstock audit list --format json`: entries of the audit log, newest first."""

    schema: Literal["penstock.audit/v1"] = "penstock.audit/v1"
    entries: Sequence[AuditEntryDocument]
    """The entries that were asked for."""
    more: bool
    """Whether there are older ones, left out by `--limit`."""
    next: int | None = optional()
    """Of the API: the value of `before` for the next page, where there is one."""
