"""Actions: what people asked of the controller. Each is carried out at most once, by the controller that took it.

A controller that dies with an action leaves it taken. It is then closed as interrupted and not carried out again: the
journal resumes what had begun, and a second rollback would go one version further.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import RowMapping, Select, delete, select, update

from controller.domain.clock import Clock
from controller.domain.errors.api import IdempotencyConflict
from controller.store.database import Database, StorePart, insert_if_absent
from controller.store.history import HISTORY_DAYS
from controller.store.live_marks import LiveTopic, touch
from controller.store.live_schema import actions

MOST_RECENT: Final = 50
"""How many actions are listed at most."""


class Verb(StrEnum):
    """What is to be done."""

    SYNC = "sync"
    """Look at all flows and deliver the plan; with a digest, that plan and no other."""
    RETRY = "retry"
    """Lift the quarantine of a flow, and deliver."""
    ROLLBACK = "rollback"
    """Bring a flow back to a version that it had."""


class ActionOutcome(StrEnum):
    """How an action ended."""

    DONE = "done"
    REFUSED = "refused"
    """A rule, a stale plan or a person's suspension forbids it; nothing was begun."""
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    """The controller that had taken it ended; what it had begun is resumed from the journal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAction:
    """What a person asks for."""

    organization: str
    verb: Verb
    by: str
    reason: str
    key: str
    """The person's idempotency key: the same request with the same key is one action."""
    flow: str | None = None
    """`metadata.name`; None for an action on the whole organisation."""
    digest: str | None = None
    """The plan that the person saw."""
    version: str | None = None
    """The version to roll back to; None for the one delivered before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedAction:
    """What a person asked for, and how far it came."""

    id: int
    organization: str
    verb: Verb
    by: str
    reason: str
    key: str
    flow: str | None
    digest: str | None
    version: str | None
    at: datetime
    taken_by: str | None = None
    taken_at: datetime | None = None
    done_at: datetime | None = None
    outcome: ActionOutcome | None = None
    message: str | None = None


class Actions(StorePart):
    """Every method may raise StoreFailed."""

    def __init__(self, database: Database, clock: Clock, keep_days: int = HISTORY_DAYS) -> None:
        super().__init__(database, clock)
        self._keep_days = keep_days

    def ask(self, wanted: NewAction) -> tuple[AskedAction, bool]:
        """The action, and whether it is new: the same person's same key is the same action.

        Raises IdempotencyConflict where that key was used for another request.
        """
        values = _values(wanted)
        with self._database.write() as connection:
            same = select(actions).where(actions.c.by == wanted.by, actions.c.key == wanted.key)
            row = connection.execute(same).mappings().one_or_none()
            new = row is None
            if row is None:
                insert_if_absent(connection, actions, values | {"at": self._clock.now()})
                touch(connection, wanted.organization, LiveTopic.ACTION)
                row = connection.execute(same).mappings().one()
        found = _action(row)
        if any(getattr(found, name) != getattr(wanted, name) for name in _ABOUT):
            raise IdempotencyConflict(
                f"{wanted.by} used the key {wanted.key} for another request: {found.verb} of {found.organization}"
                f"{f', {found.flow}' if found.flow else ''}",
                hint="choose a new key for each request",
            )
        return found, new

    def waiting(self) -> dict[str, frozenset[Verb]]:
        """What no controller has taken yet, by organisation."""
        columns = select(actions.c.organization, actions.c.verb)
        rows = self._rows(columns.where(actions.c.done_at.is_(None), actions.c.taken_at.is_(None)).distinct())
        found: dict[str, frozenset[Verb]] = {}
        for row in rows:
            found[row["organization"]] = found.get(row["organization"], frozenset()) | {Verb(row["verb"])}
        return found

    def take(self, organization: str, holder: str) -> AskedAction | None:
        """The oldest action that waits, taken by one holder only."""
        with self._database.write() as connection:
            row = connection.execute(_untaken(organization).with_for_update(skip_locked=True)).mappings().first()
            if row is None:
                return None
            now = self._database.common_time(connection, self._clock)
            taken = {"taken_by": holder, "taken_at": now, "beat_at": now}
            connection.execute(update(actions).where(actions.c.id == row["id"]).values(taken))
            touch(connection, organization, LiveTopic.ACTION)
        return _action({**row, **taken})

    def give_back(self, action: AskedAction) -> None:
        """Let it be taken again: nothing was begun."""
        self._change(action, taken_by=None, taken_at=None, beat_at=None)

    def done(self, action: AskedAction, outcome: ActionOutcome, message: str) -> None:
        """Note how it ended."""
        self._change(action, done_at=self._clock.now(), outcome=outcome.value, message=message)

    def beat(self, holder: str) -> None:
        """Note that the holder of the actions that it has taken is alive. Writes nothing where it has none."""
        mine = actions.c.done_at.is_(None), actions.c.taken_by == holder
        if not self._rows(select(actions.c.id).where(*mine)):
            return
        with self._database.write() as connection:
            now = self._database.common_time(connection, self._clock)
            connection.execute(update(actions).where(*mine).values(beat_at=now))

    def close_abandoned(self, holder: str | None = None, *, older_than_s: float = 0.0) -> int:
        """Close the actions whose holder was not heard from for the time of a lease; returns how many.

        With `holder`, close those that an earlier run of this holder left: it took them at least `older_than_s` ago.
        """
        with self._database.read() as connection:
            now = self._database.common_time(connection, self._clock)
            by_time = actions.c.beat_at < now - timedelta(seconds=self._database.lease_ttl_s)
            of_holder = (actions.c.taken_by == holder) & (actions.c.taken_at < now - timedelta(seconds=older_than_s))
            late = select(actions).where(actions.c.done_at.is_(None), by_time if holder is None else of_holder)
            found = [_action(row) for row in connection.execute(late).mappings().all()]
        for action in found:
            self.done(
                action,
                ActionOutcome.INTERRUPTED,
                f"{action.taken_by} took it and was not heard from since; what it had begun is resumed, "
                "and the rest has to be asked for again",
            )
        return len(found)

    def get(self, action_id: int) -> AskedAction | None:
        """The action with this id."""
        return next(map(_action, self._rows(select(actions).where(actions.c.id == action_id))), None)

    def recent(self, organization: str, limit: int = MOST_RECENT) -> list[AskedAction]:
        """The newest actions, newest first."""
        query = select(actions).where(actions.c.organization == organization).order_by(actions.c.id.desc())
        return [_action(row) for row in self._rows(query.limit(limit))]

    def purge(self) -> int:
        """Remove actions that were done longer ago than history is kept; returns how many."""
        limit = self._clock.now() - timedelta(days=self._keep_days)
        return self._write(delete(actions).where(actions.c.done_at < limit))

    def _change(self, action: AskedAction, **values: object) -> None:
        """Change an action that is still the taker's, and not done."""
        own = actions.c.id == action.id, actions.c.taken_by == action.taken_by, actions.c.done_at.is_(None)
        with self._database.write() as connection:
            if connection.execute(update(actions).where(*own).values(values)).rowcount:
                touch(connection, action.organization, LiveTopic.ACTION)


_ABOUT: Final = ("organization", "verb", "flow", "digest", "version")
"""Two requests with one key must agree in these; the reason may be worded otherwise."""
_KEPT: Final = tuple(field.name for field in fields(AskedAction))


def _untaken(organization: str) -> Select[tuple[object, ...]]:
    open_ones = actions.c.done_at.is_(None), actions.c.taken_at.is_(None)
    return select(actions).where(actions.c.organization == organization, *open_ones).order_by(actions.c.id).limit(1)


def _values(wanted: NewAction) -> dict[str, object]:
    return {field.name: getattr(wanted, field.name) for field in fields(wanted)} | {"verb": wanted.verb.value}


def _action(row: RowMapping | Mapping[str, Any]) -> AskedAction:
    values = {name: row[name] for name in _KEPT}
    outcome = None if row["outcome"] is None else ActionOutcome(row["outcome"])
    return AskedAction(**values | {"verb": Verb(row["verb"]), "outcome": outcome})
