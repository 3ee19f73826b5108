"""The version that gates look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Subject:
    flow_id: str
    version: str
    previous_version: str | None
    live_since: datetime
