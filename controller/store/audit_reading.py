"""Reads the audit log, without ever writing to the store; in parts, so that a slow reader holds no transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final, Self

from sqlalchemy import ColumnElement, RowMapping, Select, select

from controller.store.audit import AuditEntry, entry_of
from controller.store.audit_chain import ChainHead
from controller.store.database import Database
from controller.store.schema import STORE_ID, audit, audit_heads, installation

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
    organizations: Collection[str] | None = None
    """Only of these organisations; None means all."""
    before: int | None = None
    """Only what was appended before the entry with this id."""
    after: int | None = None
    """Only what was appended after it."""


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
        chosen = select(audit).where(*_conditions(query)).order_by(audit.c.id.desc())
        at_once = _AT_ONCE if limit is None else min(limit, _AT_ONCE)
        return islice(self._in_parts(chosen, lambda last: audit.c.id < last["id"], at_once), limit)

    def oldest_first(self, query: AuditQuery) -> Iterator[AuditEntry]:
        """All entries, in the order in which they were appended."""
        chosen = select(audit).where(*_conditions(query)).order_by(audit.c.id)
        return self._in_parts(chosen, lambda last: audit.c.id > last["id"])

    def chain(self, organization: str) -> Iterator[AuditEntry]:
        """The entries of an organisation by position; two with one position are both there."""
        chosen = select(audit).where(audit.c.organization == organization, audit.c.position.is_not(None))
        return self._in_parts(
            chosen.order_by(audit.c.position, audit.c.id),
            lambda last: (
                (audit.c.position > last["position"])
                | ((audit.c.position == last["position"]) & (audit.c.id > last["id"]))
            ),
        )

    def _in_parts(
        self, chosen: Select[Any], after: Callable[[RowMapping], ColumnElement[bool]], at_once: int = _AT_ONCE
    ) -> Iterator[AuditEntry]:
        """The rows of a query, each part in its own transaction; `after` chooses those behind a part's last row."""
        part = chosen.limit(at_once)
        while True:
            with self._database.read() as connection:
                rows = connection.execute(part).mappings().all()
            yield from map(entry_of, rows)
            if len(rows) < at_once:
                return
            part = chosen.where(after(rows[-1])).limit(at_once)

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
            query = select(installation.c.value).where(installation.c.key == STORE_ID)
            found: str | None = connection.execute(query).scalar()
        return found

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
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
    if query.organizations is not None:
        found.append(audit.c.organization.in_(query.organizations))
    if query.before is not None:
        found.append(audit.c.id < query.before)
    if query.after is not None:
        found.append(audit.c.id > query.after)
    return found
