"""The outbox: notifications that are kept until they are delivered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import RowMapping, delete, func, insert, select, update

from controller.domain.clock import Clock
from controller.store.audit import AuditLog
from controller.store.database import Database
from controller.store.schema import outbox


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


class OutboxTable:
    """Delivery is at least once: an unfinished claim of a dead process is given out again."""

    def __init__(self, database: Database, clock: Clock, audit: AuditLog) -> None:
        self._database = database
        self._clock = clock
        self._audit = audit

    def add(self, target: str, kind: str, payload: Mapping[str, object], audit_id: int | None = None) -> int:
        """Keep a message for delivery; returns its id. The payload must hold no secret.

        `audit_id` is the audit entry that is to tell when its receivers have it.
        """
        now = self._clock.now()
        values = {
            "target": target,
            "kind": kind,
            "payload": dict(payload),
            "attempts": 0,
            "created_at": now,
            "next_at": now,
            "audit_id": audit_id,
        }
        with self._database.write() as connection:
            return int(connection.execute(insert(outbox).values(values).returning(outbox.c.id)).scalar_one())

    def claim(self, *, limit: int = 20, for_s: float = 60.0) -> list[Notification]:
        """Messages that are due, oldest first; no other caller gets them for that many seconds."""
        now = self._clock.now()
        query = (
            select(outbox)
            .where(outbox.c.delivered_at.is_(None), outbox.c.next_at <= now)
            .order_by(outbox.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        with self._database.write() as connection:
            due = [_notification(row) for row in connection.execute(query).mappings()]
            connection.execute(
                update(outbox)
                .where(outbox.c.id.in_([message.id for message in due]))
                .values(next_at=now + timedelta(seconds=for_s))
            )
        return due

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
        with self._database.write() as connection:
            connection.execute(
                update(outbox)
                .where(outbox.c.id == message_id)
                .values(
                    attempts=outbox.c.attempts + 1,
                    last_error=reason,
                    next_at=self._clock.now() + timedelta(seconds=retry_after_s),
                )
            )

    def next_at(self) -> datetime | None:
        """When the next message is due; None when all are delivered."""
        query = select(outbox.c.next_at).where(outbox.c.delivered_at.is_(None)).order_by(outbox.c.next_at).limit(1)
        with self._database.read() as connection:
            row = connection.execute(query).first()
        return None if row is None else cast("datetime", row[0])

    def pending(self) -> int:
        """How many messages wait for their receiver."""
        query = select(func.count()).select_from(outbox).where(outbox.c.delivered_at.is_(None))
        with self._database.read() as connection:
            return connection.execute(query).scalar_one()

    def purge(self, *, keep_days: int = 30) -> int:
        """Drop delivered messages that are older; undelivered ones stay."""
        limit = self._clock.now() - timedelta(days=keep_days)
        with self._database.write() as connection:
            return connection.execute(delete(outbox).where(outbox.c.delivered_at < limit)).rowcount


def _notification(row: RowMapping) -> Notification:
    return Notification(row["id"], row["target"], row["kind"], row["payload"], row["attempts"], row["created_at"])
