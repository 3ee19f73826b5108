"""What is wrong with an organisation at one moment, and what people were told of it.

A trouble stands from its begin to its end. `Told` is what the store keeps between two passes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from controller.domain.notification import NotificationEvent, NotificationSeverity


class Topic(StrEnum):
    """What a trouble is about. One object has at most one trouble of a topic."""

    PASS = "pass"  # noqa: S105 - a topic, not a password
    """A pass over the organisation ended with an error."""
    POLICY = "policy"
    """A window, a limit or a missing approval holds the whole plan back."""
    DELIVERY = "delivery"
    """The delivery of a flow failed, was rolled back, is paused or blocked."""
    DRIFT = "drift"
    """A flow was changed out of band."""


Place = tuple[Topic, str]
"""A topic, and the flow; an empty name stands for the whole organisation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something that people are told of when it begins, and again when it is over."""

    topic: Topic
    object: str = ""
    """`metadata.name` of the flow, `type/name` where it has no manifest; empty for the whole organisation."""
    event: NotificationEvent
    severity: NotificationSeverity
    outcome: str
    """A heading of `errors.md`, a state of a change, or a kind of drift."""
    digest: str = ""
    """What it is about: content, plan, or versions. Another digest is another trouble."""
    why: str = ""
    next_step: str = ""
    type: str = ""
    name: str = ""
    from_version: str | None = None
    to_version: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    hold_s: float = 0.0
    """It is told once it has lasted so many seconds."""
    group: str = ""
    """Failures of one group are over together: the delivery that failed."""
    changes: int | None = None
    """How often it began or ended unsaid, in a message that says so."""

    @property
    def place(self) -> Place:
        return self.topic, self.object

    def is_same(self, other: Trouble) -> bool:
        """Whether people know it already when they were told of the other.

        An outage shows in several errors, one after the other: a fault of the server, an open circuit, a lost login.
        """
        if self.topic is Topic.PASS and self.hold_s > 0 and other.hold_s > 0:
            return True
        return (self.event, self.outcome, self.digest) == (other.event, other.outcome, other.digest)


_KEPT = ("object", "outcome", "digest", "type", "name", "from_version", "to_version", "group")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A trouble that is known."""

    trouble: Trouble
    since: datetime
    said: bool
    """Whether people were told of it."""
    over: bool = False
    """It has ended, and is kept for a while to see whether it begins again."""
    starts: tuple[datetime, ...] = ()
    """When it began lately."""
    unsaid: int = 0
    """How often it began or ended since people were told that it changes often."""
    changed_at: datetime

    def to_json(self) -> dict[str, Any]:
        """What the store keeps. Labels are pairs, because a label's name may look like that of a secret."""
        trouble = self.trouble
        return {name: getattr(trouble, name) for name in _KEPT} | {
            "topic": trouble.topic.value,
            "event": trouble.event.value,
            "severity": trouble.severity.value,
            "hold_s": trouble.hold_s,
            "labels": [list(pair) for pair in sorted(trouble.labels.items())],
            "since": self.since.isoformat(),
            "said": self.said,
            "over": self.over,
            "starts": [each.isoformat() for each in self.starts],
            "unsaid": self.unsaid,
            "changed_at": self.changed_at.isoformat(),
        }

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> Self:
        """What `to_json` made this of."""
        trouble = Trouble(
            **{name: kept[name] for name in _KEPT},
            topic=Topic(kept["topic"]),
            event=NotificationEvent(kept["event"]),
            severity=NotificationSeverity(kept["severity"]),
            hold_s=kept["hold_s"],
            labels=dict(kept["labels"]),
        )
        return cls(
            trouble=trouble,
            since=datetime.fromisoformat(kept["since"]),
            said=kept["said"],
            over=kept["over"],
            starts=tuple(map(datetime.fromisoformat, kept["starts"])),
            unsaid=kept["unsaid"],
            changed_at=datetime.fromisoformat(kept["changed_at"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What people were told of an organisation, and how far its history was told."""

    sequence: int = 0
    """Grows with each change, so that the same trouble can be told again once it was over."""
    sync_id: int = 0
    """The last delivery that was looked at."""
    open_syncs: tuple[int, ...] = ()
    """Earlier deliveries that had not ended then."""
    audit_id: int = 0
    """The last audit entry of drift that was looked at."""
    standing: Mapping[Place, Standing] = field(default_factory=dict)
    status: tuple[str, ...] = ()
    """Revision, state and words of the last commit status."""

    def to_json(self) -> dict[str, Any]:
        """What the store keeps."""
        standing = sorted(self.standing.values(), key=lambda each: each.trouble.place)
        return {
            "sequence": self.sequence,
            "sync_id": self.sync_id,
            "open_syncs": list(self.open_syncs),
            "audit_id": self.audit_id,
            "standing": [each.to_json() for each in standing],
            "status": list(self.status),
        }

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> Self:
        """What `to_json` made this of."""
        standing = [Standing.read(each) for each in kept["standing"]]
        return cls(
            sequence=kept["sequence"],
            sync_id=kept["sync_id"],
            open_syncs=tuple(kept["open_syncs"]),
            audit_id=kept["audit_id"],
            standing={each.trouble.place: each for each in standing},
            status=tuple(kept["status"]),
        )

    def advanced(self, other: Told) -> Told:
        """The other with the next number; itself where they say the same."""
        return self if replace(other, sequence=self.sequence) == self else replace(other, sequence=self.sequence + 1)
