"""The version that gates judge, and what a gate answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from controller.delivery.change_run import ChangeRun

CORRECT_IT = "correct the flow and commit it, or change the gate"
"""The way out after a gate failed."""


class GateVerdict(StrEnum):
    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    """Not enough is known yet; looking again later can help."""
    ERROR = "error"
    """The gate could not be evaluated. Unknown never counts as passed."""


@dataclass(frozen=True, slots=True)
class GateReport:
    gate: str
    """Its name in the manifest: `errorRate`, `http`, `execution`."""
    verdict: GateVerdict
    message: str
    figures: Mapping[str, float] = field(default_factory=dict)
    """The numbers that it was judged by, as far as the gate counts."""


@dataclass(frozen=True, slots=True)
class GateSubject:
    flow_id: str
    version: str
    previous_version: str | None
    live_since: datetime
    """When its first traffic came, by our own clock."""


def subject_of(run: ChangeRun, version: str, live_since: datetime) -> GateSubject:
    """The version as gates see it: with a staged rollout it has traffic from the first stage on."""
    return GateSubject(run.flow_id or "", version, run.record.previous_version, run.rollout_began_at or live_since)
