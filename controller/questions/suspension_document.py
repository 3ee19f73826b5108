"""Suspensions by people as documents: `penstock.suspension/v1`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspensionStateDocument:
    """A suspension."""

    by: str
    """Who suspended the organisation."""
    reason: str
    """Why."""
    at: datetime
    """When, ISO 8601."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspensionDocument:
    """`POST /api/v1/organizations/{organization}/suspend` and `/resume`: what holds now."""

    schema: Literal["penstock.suspension/v1"] = "penstock.suspension/v1"
    organization: str
    """`metadata.name` of the organisation."""
    suspended: SuspensionStateDocument | None
    """The suspension that holds; null where there is none."""
