"""What a gate says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

CORRECT_IT = "correct the flow and commit it, or change the gate"
"""The way out after a gate failed."""


class Verdict(StrEnum):
    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    """Not enough is known yet; looking again later can help."""
    ERROR = "error"
    """The gate could not be evaluated. Unknown is never taken for good."""


@dataclass(frozen=True, slots=True)
class GateReport:
    gate: str
    """Its name in the manifest: `errorRate`, `http`, `execution`."""
    verdict: Verdict
    message: str
