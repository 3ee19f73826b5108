"""The version that gates look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from controller.delivery.work import Work
from controller.store import WriteOutcome


@dataclass(frozen=True, slots=True)
class Subject:
    flow_id: str
    version: str
    previous_version: str | None
    live_since: datetime
    """When its first traffic came, by our own clock."""


def subject_of(work: Work, version: str, live_since: datetime) -> Subject:
    """The version as gates see it: what is rolled out in stages has traffic from the first of them on."""
    began = _rollout_began_at(work)
    return Subject(work.flow_id or "", version, work.record.previous_version, began or live_since)


def _rollout_began_at(work: Work) -> datetime | None:
    asked = [
        write.intent_at
        for write in work.record.writes
        if write.action == "publish" and write.details.get("stages") and write.outcome is not WriteOutcome.FAILED
    ]
    return asked[-1] if asked else None
