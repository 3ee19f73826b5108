"""Drift that has not ended, as a document: `penstock.drift/v1`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDriftDocument:
    """Drift that has not ended."""

    flow: str
    """`type/name`."""
    kind: str
    """As in `penstock.plan/v1`."""
    expected: str | None
    """As in `penstock.plan/v1`."""
    actual: str | None
    """As in `penstock.plan/v1`."""
    message: str
    """All of it, for people."""
    since: datetime
    """When the controller saw it first, ISO 8601."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDriftsDocument:
    """`GET /api/v1/organizations/{organization}/drift`: drift that has not ended."""

    schema: Literal["penstock.drift/v1"] = "penstock.drift/v1"
    organization: str
    """`metadata.name` of the organisation."""
    drift: Sequence[OpenDriftDocument]
    """By flow and kind."""
