"""Statuses and states. An unlisted or unknown status never counts as a good one."""

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
    """The state of one change of a sync; the journal holds these words."""

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
        """No further state follows."""
        return self in {StepState.RECORDED, StepState.SKIPPED, StepState.ROLLED_BACK, StepState.ROLLBACK_FAILED}

    @property
    def not_started(self) -> bool:
        """Nothing was written to the organisation yet."""
        return self in {StepState.PENDING, StepState.VALIDATED}

    @property
    def idle(self) -> bool:
        """The step implies nothing about the live version: it is pending or was skipped."""
        return self in {StepState.PENDING, StepState.SKIPPED}

    @property
    def in_flight(self) -> bool:
        """The step has begun, and a later process must resume it."""
        return self.watched or self.moving or self is StepState.VALIDATED

    @property
    def moving(self) -> bool:
        """The published version is changing now, forward or back."""
        return self in {StepState.PUBLISHING, StepState.ROLLING_BACK}

    @property
    def changes_live(self) -> bool:
        """The published version will change, and the live state does not show it yet."""
        return self.not_started or self.moving

    @property
    def watched(self) -> bool:
        """The new version is live, and its bake time and gates have not decided yet."""
        return self in {StepState.LIVE, StepState.BAKING}

    @property
    def unjudged(self) -> bool:
        """The new version was sent to the organisation and is not known to be healthy."""
        return self.watched or self is StepState.PUBLISHING

    @property
    def delivered(self) -> bool:
        """The new version is live and healthy."""
        return self.to_record or self is StepState.RECORDED

    @property
    def to_record(self) -> bool:
        """The new version is live and healthy, and the record in git does not have it yet."""
        return self in {StepState.HEALTHY, StepState.EXPORTED}

    @property
    def live_unrecorded(self) -> bool:
        """The new version is live, and the record in git does not have it yet."""
        return self.watched or self.to_record

    @property
    def going_back(self) -> bool:
        """A rollback has begun, whether or not it has ended."""
        return self in {StepState.ROLLING_BACK, StepState.ROLLED_BACK, StepState.ROLLBACK_FAILED}


class StepCause(StrEnum):
    """Why a change was rolled back or skipped."""

    FAILURE = "failure"
    """The change failed, or another change of its sync did."""
    ON_REQUEST = "on-request"
    """A person requested the previous version."""
    SUPERSEDED = "superseded"
    """Git has another desired state by now."""
    INTERRUPTED = "interrupted"
    """The process ended before the change took effect; the next sync resumes it."""

    @property
    def asked_for(self) -> bool:
        """Whether nothing failed: the delivered version is just no longer desired."""
        return self in {StepCause.ON_REQUEST, StepCause.SUPERSEDED}
