"""Which organisations' live state changed since a mark: one query tells all readers, in every process.

The marks come from one counter. Its row is locked until the change is committed, so a reader that has seen a mark has
seen all changes below it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, bindparam, func, select, update

from controller.store.database import StorePart, insert_or_update
from controller.store.live_schema import live_marks

_LONGEST_NAME: Final = 255


class LiveTopic(StrEnum):
    """What changed of an organisation."""

    VIEW = "view"
    """What the last pass found."""
    RUNNING = "running"
    """A pass that runs, or its flows."""
    SUSPENSION = "suspension"
    ACTION = "action"
    APPROVAL = "approval"
    """A plan was approved, or a paused version accepted."""
    ASSIGNMENT = "assignment"
    """A replica began or ceased to look after the organisation."""
    PUSH = "push"
    """A forge told a replica of a push; the mark is that of the repository, under its URL."""


@dataclass(frozen=True, slots=True)
class LiveChanges:
    """What changed since a mark."""

    mark: int
    """The mark to ask with the next time."""
    topics: frozenset[tuple[str, LiveTopic]]
    """Organisation and topic."""

    def organizations(self, *topics: LiveTopic) -> frozenset[str]:
        """The organisations for which one of these topics changed."""
        return frozenset(organization for organization, topic in self.topics if topic in topics)

    def pushed(self, repository: str) -> bool:
        """Whether a forge told of a push to the repository with this URL."""
        return (repository[:_LONGEST_NAME], LiveTopic.PUSH) in self.topics


_COUNTER: Final = {"organization": "", "topic": ""}
_COUNT: Final = (
    update(live_marks)
    .where(live_marks.c.organization == "", live_marks.c.topic == "")
    .values(mark=live_marks.c.mark + 1)
    .returning(live_marks.c.mark)
)

# Built once: every process asks it each second.
_SINCE: Final = select(live_marks).where(live_marks.c.mark > bindparam("mark"), live_marks.c.organization != "")


def touch(connection: Connection, organization: str, topic: LiveTopic) -> None:
    """Mark the topic as changed. The last statement of a transaction: it locks the counter until the commit."""
    touch_all(connection, (organization,), topic)


def touch_all(connection: Connection, organizations: Iterable[str], topic: LiveTopic) -> None:
    """Mark the topic of several organisations as changed, as `touch` does."""
    mark = connection.execute(_COUNT).scalar_one_or_none()
    if mark is None:
        mark = 1
        insert_or_update(connection, live_marks, _COUNTER | {"mark": mark})
    for organization in organizations:
        insert_or_update(connection, live_marks, {"organization": organization, "topic": topic.value, "mark": mark})


class LiveMarks(StorePart):
    """Every method may raise StoreFailed."""

    def latest(self, organization: str, *topics: LiveTopic) -> int:
        """The mark after the last change of these topics of an organisation; 0 before the first one."""
        own = live_marks.c.organization == organization, live_marks.c.topic.in_([each.value for each in topics])
        return int(self._value(select(func.coalesce(func.max(live_marks.c.mark), 0)).where(*own)))

    def pushed(self, repository: str) -> None:
        """Tell all replicas of a push to the repository with this URL."""
        with self._database.write() as connection:
            touch(connection, repository[:_LONGEST_NAME], LiveTopic.PUSH)

    def changed_since(self, mark: int | None) -> LiveChanges:
        """What changed after the mark; None gives the present mark and no change."""
        if mark is None:
            return LiveChanges(int(self._value(select(func.coalesce(func.max(live_marks.c.mark), 0)))), frozenset())
        rows = self._rows(_SINCE, mark=mark)
        topics = frozenset((row["organization"], LiveTopic(row["topic"])) for row in rows)
        return LiveChanges(max((row["mark"] for row in rows), default=mark), topics)
