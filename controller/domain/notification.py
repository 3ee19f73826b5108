"""What people are told of an organisation: kinds of events, how grave they are, and rules for who is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase


class NotificationEvent(StrEnum):
    """What happened to an organisation or to its flows."""

    FAILED = "failed"
    """A delivery failed and was left as it is, a rollback failed, or a pass ended with an error."""
    ROLLED_BACK = "rolled-back"
    """A delivery failed, and the versions before it are live again; or a person rolled a flow back."""
    PAUSED = "paused"
    """A gate cannot decide about a live version."""
    BLOCKED = "blocked"
    """Changes cannot be delivered now."""
    DRIFT_BEGAN = "drift-began"
    """The organisation was changed out of band."""
    DRIFT_ENDED = "drift-ended"
    """Such a change is over."""
    RECOVERED = "recovered"
    """What was told as failed, rolled back, paused or blocked is over."""
    APPROVAL_WANTED = "approval-wanted"
    """A person has to approve a plan, or confirm removals."""

    @property
    def is_end(self) -> bool:
        """Whether it says that something told before is over."""
        return self in {NotificationEvent.DRIFT_ENDED, NotificationEvent.RECOVERED}


class NotificationSeverity(StrEnum):
    """How grave an event is, the mildest first. The end of something is as grave as that was."""

    INFO = "info"
    """It solves itself, such as a closed window."""
    WARNING = "warning"
    """A person should look."""
    ERROR = "error"
    """Something failed."""

    @property
    def rank(self) -> int:
        """Higher is graver."""
        return tuple(NotificationSeverity).index(self)


@dataclass(frozen=True, slots=True)
class NotificationRule:
    """Which events a receiver is told of."""

    receiver: str
    """A receiver of the operator's configuration, by name."""
    events: frozenset[NotificationEvent] = frozenset(NotificationEvent)
    severity: NotificationSeverity = NotificationSeverity.INFO
    """The mildest that is told."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Only flows with all these labels; what concerns a whole organisation is told where it has such a flow."""
    organizations: tuple[str, ...] = ()
    """Patterns of names; all organisations when empty."""

    def concerns(self, organization: str) -> bool:
        """Whether it is about this organisation."""
        return not self.organizations or any(fnmatchcase(organization, each) for each in self.organizations)

    def takes(self, event: NotificationEvent, severity: NotificationSeverity) -> bool:
        """Whether it tells of such events."""
        return event in self.events and severity.rank >= self.severity.rank

    def chooses(self, labels: Mapping[str, str]) -> bool:
        """Whether a flow with these labels is told of."""
        return self.labels.items() <= labels.items()
