"""The outbox: notifications that are kept until they are delivered, and what people were told before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, func, insert, select, update

from controller.domain.clock import Clock
from controller.store.audit import AuditLog
from controller.store.database import Database, StorePart, insert_if_absent
from controller.store.schema import outbox, told

# Built once: every process asks it every few seconds.
_NEXT_AT: Final = select(func.min(outbox.c.next_at)).where(outbox.c.delivered_at.is_(None))


@dataclass(frozen=True, slots=True)
class Notification:
    """One message for one receiver; `attempts` counts the tries that failed."""

    id: int
    target: str
    """The receiver's name in the operator's settings; never its URL, which can hold a secret."""
    kind: str
    payload: Mapping[str, object]
    attempts: int
    created_at: datetime


class OutboxTable(StorePart):
    """Delivery is at least once: an unfinished claim of a dead process is given out again."""

    def __init__(self, database: Database, clock: Clock, audit: AuditLog) -> None:
        super().__init__(database, clock)
        self._audit = audit

    def add(self, target: str, kind: str, payload: Mapping[str, object], audit_id: int | None = None) -> int:
        """Keep a message for delivery; returns its id. The payload must hold no secret.

        `audit_id` is the audit entry that is to tell when its receivers have it.
        """
        values = {"target": target, "kind": kind, "payload": dict(payload), "audit_id": audit_id, "attempts": 0}
        now = self._clock.now()
        adding = insert(outbox).values(values | {"created_at": now, "next_at": now}).returning(outbox.c.id)
        with self._database.write() as connection:
            return int(connection.execute(adding).scalar_one())

    def add_once(self, key: str, target: str, kind: str, payload: Mapping[str, object]) -> bool:
        """Keep a message unless one with this key was ever added; whether it was new. The payload holds no secret.

        `key` has at most 64 characters. It is forgotten with the message, 30 days after its delivery.
        """
        now = self._clock.now()
        values = {"key": key, "target": target, "kind": kind, "payload": dict(payload), "attempts": 0}
        with self._database.write() as connection:
            return insert_if_absent(connection, outbox, values | {"created_at": now, "next_at": now})

    def claim(self, *, limit: int = 20, for_s: float = 60.0) -> list[Notification]:
        """Messages that are due, oldest first; no other caller gets them for that many seconds."""
        now = self._clock.now()
        query = (
            select(outbox)
            .where(outbox.c.delivered_at.is_(None), outbox.c.next_at <= now)
            .order_by(outbox.c.id)
            .limit(limit)
            # Ignored by SQLite, whose transaction holds the whole file already.
            .with_for_update(skip_locked=True)
        )
        with self._database.write() as connection:
            rows = connection.execute(query).mappings().all()
            connection.execute(
                update(outbox)
                .where(outbox.c.id.in_([row["id"] for row in rows]))
                .values(next_at=now + timedelta(seconds=for_s))
            )
        return [Notification(**{name: row[name] for name in Notification.__slots__}) for row in rows]

    def delivered(self, message_id: int) -> None:
        """Note that the receiver has the message, also in its audit entry."""
        done = {"delivered_at": self._clock.now(), "last_error": None}
        with self._database.together(), self._database.write() as connection:
            row = connection.execute(
                update(outbox).where(outbox.c.id == message_id).values(done).returning(*outbox.c)
            ).one_or_none()
            if row is not None and row.audit_id is not None:
                self._audit.synced(row.audit_id, row.target, row.kind)

    def failed(self, message_id: int, reason: str, *, retry_after_s: float) -> None:
        """Note a failed try and when the next one is due."""
        next_at = self._clock.now() + timedelta(seconds=retry_after_s)
        values = {"attempts": outbox.c.attempts + 1, "last_error": reason, "next_at": next_at}
        self._write(update(outbox).where(outbox.c.id == message_id).values(values))

    def release(self, message_ids: Sequence[int]) -> None:
        """Let claimed messages be claimed again at once."""
        self._write(update(outbox).where(outbox.c.id.in_(message_ids)).values(next_at=self._clock.now()))

    def give_up(self, message_id: int, reason: str) -> None:
        """Keep a message from being sent again, although no receiver has it."""
        self._write(
            update(outbox)
            .where(outbox.c.id == message_id)
            .values(delivered_at=self._clock.now(), last_error=reason, attempts=outbox.c.attempts + 1)
        )

    def next_at(self) -> datetime | None:
        """When the next message is due; None when all are delivered."""
        due: datetime | None = self._value(_NEXT_AT)
        return due

    def pending(self) -> int:
        """How many messages wait for their receiver."""
        return int(self._value(select(func.count()).where(outbox.c.delivered_at.is_(None))))

    def purge(self, *, keep_days: int = 30) -> int:
        """Drop delivered messages that are older; undelivered ones stay."""
        limit = self._clock.now() - timedelta(days=keep_days)
        return self._write(delete(outbox).where(outbox.c.delivered_at < limit))


class ToldTable(StorePart):
    """One document for each organisation, whose content `reconcile` knows. Every method may raise StoreFailed."""

    def of(self, organization: str) -> dict[str, Any] | None:
        """What was told last; None before the first time."""
        found: dict[str, Any] | None = self._value(select(told.c.state).where(told.c.organization == organization))
        return found

    def replace(self, organization: str, known: Mapping[str, Any] | None, state: Mapping[str, Any]) -> bool:
        """Whether the state was kept: not where it is no longer `known`, because another process told meanwhile.

        Within `together()` that other process waits until the transaction ends.
        """
        values = {"state": dict(state), "at": self._clock.now()}
        with self._database.write() as connection:
            if known is None:
                return insert_if_absent(connection, told, {"organization": organization, **values})
            named = told.c.organization == organization
            found = connection.execute(select(told.c.state).where(named).with_for_update()).scalar_one_or_none()
            if found != known:
                return False
            connection.execute(update(told).where(named).values(values))
            return True
