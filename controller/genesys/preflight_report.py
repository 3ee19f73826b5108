"""What a preflight found out, as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CheckVerdict(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    verdict: CheckVerdict
    message: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class PreflightReport:
    """What a client can expect of an organisation. None is what could not be found out."""

    dialect: str
    checks: tuple[Check, ...]
    organization: str | None = None
    missing_permissions: tuple[str, ...] = ()
    unproven_permissions: tuple[str, ...] = ()
    """Needed, and not provable without writing."""
    execution_data: bool | None = None
    """Whether executions are recorded; the versioned dialect does not tell."""
    log_level: str | None = None
    """Of the flows that have none of their own."""
    rate_limit_per_minute: int | None = None
    clock_skew_s: float | None = None
    """How far the organisation's clock is ahead of ours."""
    dependency_index: str | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing failed; warnings and unknowns do not count."""
        return all(check.verdict is not CheckVerdict.FAILED for check in self.checks)
