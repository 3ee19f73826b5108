"""The words for how things stand. An unlisted or unknown status is never taken for a good one."""

from __future__ import annotations

from enum import StrEnum


class SyncStatus(StrEnum):
    SYNCED = "Synced"
    OUT_OF_SYNC = "OutOfSync"
    UNKNOWN = "Unknown"


class Health(StrEnum):
    """Ordered from best to worst by `worst`."""

    HEALTHY = "Healthy"
    SUSPENDED = "Suspended"
    PROGRESSING = "Progressing"
    MISSING = "Missing"
    DEGRADED = "Degraded"
    UNKNOWN = "Unknown"


_FROM_BEST = tuple(Health)


def worst(*healths: Health) -> Health:
    """The worst of the given healths; `Unknown` when there is none."""
    return max(healths, key=_FROM_BEST.index, default=Health.UNKNOWN)


class StepState(StrEnum):
    """Where one change of a sync stands; the journal holds these words."""

    PENDING = "pending"
    VALIDATED = "validated"
    PUBLISHING = "publishing"
    LIVE = "live"
    BAKING = "baking"
    HEALTHY = "healthy"
    EXPORTED = "exported"
    RECORDED = "recorded"
    FAILED = "failed"
    SKIPPED = "skipped"
    ROLLING_BACK = "rolling-back"
    ROLLED_BACK = "rolled-back"
    ROLLBACK_FAILED = "rollback-failed"

    @property
    def final(self) -> bool:
        """Whether nothing follows it by itself."""
        return self in _FINAL


_FINAL = frozenset({StepState.RECORDED, StepState.SKIPPED, StepState.ROLLED_BACK, StepState.ROLLBACK_FAILED})
