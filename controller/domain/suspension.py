"""A person's suspension of an organisation: no new delivery begins until a person ends it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Suspension:
    """Who suspended an organisation, why and since when. Its manifest may suspend it as well (`spec.suspend`)."""

    organization: str
    by: str
    reason: str
    at: datetime
