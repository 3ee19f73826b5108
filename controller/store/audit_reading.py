"""Reads the audit log, without ever writing to the store; in parts, so that a slow reader holds no transaction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Final, Self

from sqlalchemy import ColumnElement, select

from controller.store.audit import AuditEntry, entry_of
from controller.store.audit_chain import ChainHead
from controller.store.database import Database
from controller.store.schema import audit, audit_heads, installation

_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditQuery:
    """Which entries: those that have all that is given."""

    organization: str | None = None
    since: datetime | None = None
    """Counts."""
    until: datetime | None = None
    """Does not count."""
    action: str | None = None
    flow: str | None = None
    """`type/name`, or the name alone."""
    actor: str | None = None


class AuditReading:
    """The audit log of a store that exists. Every method may raise StoreFailed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def open(cls, url: str) -> AuditReading:
        """Raises StoreFailed where there is no store, or one of another version, and SettingsInvalid for the URL."""
        return cls(Database.open_to_read(url))

    def newest_first(self, query: AuditQuery, limit: int | None = None) -> Iterator[AuditEntry]:
        """Entries, the one that was appended last first; at most `limit`."""
        before: int | None = None
        left = limit
        while left is None or left > 0:
            at_once = _AT_ONCE if left is None else min(left, _AT_ONCE)
            conditions = [*_conditions(query), *([] if before is None else [audit.c.id < before])]
            chosen = select(audit).where(*conditions).order_by(audit.c.id.desc()).limit(at_once)
            with self._database.read() as connection:
                rows = connection.execute(chosen).mappings().all()
            yield from map(entry_of, rows)
            if len(rows) < at_once:
                return
            before = rows[-1]["id"]
            left = None if left is None else left - len(rows)

    def oldest_first(self, query: AuditQuery) -> Iterator[AuditEntry]:
        """All entries, in the order in which they were appended."""
        last = 0
        while True:
            chosen = select(audit).where(*_conditions(query), audit.c.id > last).order_by(audit.c.id).limit(_AT_ONCE)
            with self._database.read() as connection:
                rows = connection.execute(chosen).mappings().all()
            yield from map(entry_of, rows)
            if len(rows) < _AT_ONCE:
                return
            last = rows[-1]["id"]

    def chain(self, organization: str) -> Iterator[AuditEntry]:
        """The entries of an organisation by position; two with one position are both there."""
        last, last_id = -1, 0
        own = audit.c.organization == organization
        while True:
            after = (audit.c.position > last) | ((audit.c.position == last) & (audit.c.id > last_id))
            chosen = select(audit).where(own, after).order_by(audit.c.position, audit.c.id).limit(_AT_ONCE)
            with self._database.read() as connection:
                rows = connection.execute(chosen).mappings().all()
            yield from map(entry_of, rows)
            if len(rows) < _AT_ONCE:
                return
            last, last_id = rows[-1]["position"], rows[-1]["id"]

    def unchained(self, organization: str) -> list[AuditEntry]:
        """The entries without a position."""
        query = select(audit).where(audit.c.organization == organization, audit.c.position.is_(None))
        with self._database.read() as connection:
            return [entry_of(row) for row in connection.execute(query.order_by(audit.c.id)).mappings()]

    def heads(self) -> dict[str, ChainHead]:
        """By organisation, where its chain ends as its head tells; an organisation that has only entries, too."""
        with self._database.read() as connection:
            names = connection.execute(select(audit.c.organization).distinct()).scalars().all()
            rows = connection.execute(select(audit_heads)).mappings().all()
        found = {name: ChainHead() for name in names}
        return found | {row["organization"]: ChainHead(row["position"], row["digest"]) for row in rows}

    def store_id(self) -> str | None:
        """The store's own id, as lock files name it; None before it is first asked for."""
        with self._database.read() as connection:
            query = select(installation.c.value).where(installation.c.key == "id")
            found: str | None = connection.execute(query).scalar()
        return found

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _conditions(query: AuditQuery) -> list[ColumnElement[bool]]:
    given = {
        audit.c.organization: query.organization,
        audit.c.action: query.action,
        audit.c.actor: query.actor,
    }
    found: list[ColumnElement[bool]] = [column == value for column, value in given.items() if value is not None]
    if query.flow is not None:
        found.append((audit.c.flow == query.flow) | audit.c.flow.endswith(f"/{query.flow}", autoescape=True))
    if query.since is not None:
        found.append(audit.c.at >= query.since)
    if query.until is not None:
        found.append(audit.c.at < query.until)
    return found
