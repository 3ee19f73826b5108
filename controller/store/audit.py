"""The audit log: who did what to which flow, when, from which commit, and how it ended."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import Connection, RowMapping, bindparam, delete, func, insert, select, update

from controller.domain.clock import Clock
from controller.domain.errors.process import StoreFailed
from controller.domain.redaction import SECRETS
from controller.store.audit_chain import PURGE, ChainHead, digest_of
from controller.store.audit_file import KEEP_DAYS, AuditCopy
from controller.store.audit_rates import Rates
from controller.store.database import Database, StorePart, insert_if_absent
from controller.store.schema import audit, audit_heads

log = structlog.get_logger()


_SUCCESS: Final = {
    "success": True,
    "succeeded": True,
    "failure": False,
    "failed": False,
    "rolled-back": False,
    "rollback-failed": False,
}
"""Statuses that end an action, well or badly; all others do neither."""
LONGEST_NAME: Final = 255
"""Characters of an actor's or author's name that are kept."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One action. `status` is a word such as `success`, `failure` or `lost`; a rate is a fraction from 0 to 1."""

    organization: str
    action: str
    status: str
    actor: str
    """The person or client that acts; for a controller that follows git, the author of the commit."""
    flow: str | None = None
    """`type/name`."""
    version: str | None = None
    """The version that it made live, or that it is about."""
    flow_id: str | None = None
    target_version: str | None = None
    """The version that was to be live, where that is known beforehand."""
    error: str | None = None
    latency_ms: float | None = None
    """The duration of the whole action."""
    details: Mapping[str, object] = field(default_factory=dict)
    author: str | None = None
    """Who wrote the commit that is delivered."""
    revision: str | None = None
    webhook_synced: bool | None = None
    """Whether change management has been told; None where it need not be."""
    validation_error_rate: float | None = None
    """Set when it is appended; and so are all that follow."""
    deployment_success_rate: float | None = None
    at: datetime | None = None
    id: int | None = None
    filed: bool | None = None
    """Whether the process that appended it keeps daily files; None before there was a chain."""
    position: int | None = None
    """The number in the organisation's chain, from 1; None while a process without the chain writes."""
    previous: str | None = None
    """The digest of the entry before it."""
    digest: str | None = None
    """Its own, which covers `previous`."""

    @property
    def success(self) -> bool | None:
        """Whether it ended well; None where it is neither an end nor a success."""
        return succeeded(self.status)

    def to_json(self) -> dict[str, object]:
        """The entry as webhooks, files and the command line show it."""
        shown = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in ("id", "at")}
        timestamp = None if self.at is None else self.at.astimezone(UTC).isoformat()
        return shown | {"timestamp": timestamp, "success": self.success, "details": dict(self.details)}


def succeeded(status: str) -> bool | None:
    """Whether an action with this status ended well; None where it is neither an end nor a success."""
    return _SUCCESS.get(status)


class AuditLog(StorePart):
    """Entries in the store and, where the operator wants them, as JSON lines in files or on a stream as well."""

    def __init__(
        self, database: Database, clock: Clock, copies: Sequence[AuditCopy] = (), keep_days: int = KEEP_DAYS
    ) -> None:
        super().__init__(database, clock)
        self._copies = copies
        self._keep = timedelta(days=keep_days)
        self._rates = Rates()
        self._filed = any(copy.filed for copy in copies)

    def append(self, entry: AuditEntry) -> AuditEntry:
        """Keep an entry at the end of its organisation's chain, with secrets masked; returns it as it was kept.

        Two processes that append at once wait for each other. Raises StoreFailed; a copy that cannot be written is
        only told, loudly.
        """
        kept = replace(
            entry,
            actor=_name(entry.actor),
            author=None if entry.author is None else _name(entry.author),
            error=None if entry.error is None else SECRETS.text(entry.error),
            latency_ms=None if entry.latency_ms is None else float(entry.latency_ms),
            details=_as_read(entry.details),
            at=self._clock.now(),
        )
        appended = self._database.write_again(lambda connection: self._chained(connection, kept))
        self._database.after_commit(lambda: self._copied(appended))
        return appended

    def _chained(self, connection: Connection, entry: AuditEntry) -> AuditEntry:
        """Insert it after the head, which stays locked until the transaction ends."""
        organization = entry.organization
        head = _locked_head(connection, organization)
        invalid, deployed = self._rates.with_entry(connection, organization, entry.action, entry.status)
        linked = replace(
            entry,
            validation_error_rate=invalid,
            deployment_success_rate=deployed,
            filed=self._filed,
            position=head.position + 1,
            previous=head.digest,
        )
        linked = replace(linked, digest=digest_of(linked.to_json()))
        entry_id = connection.execute(_APPEND, {name: getattr(linked, name) for name in _COLUMNS}).scalar_one()
        connection.execute(_MOVE_HEAD, {"name": organization, "to": linked.position, "own_digest": linked.digest})
        return replace(linked, id=entry_id)

    def _copied(self, entry: AuditEntry) -> None:
        for copy in self._copies:
            self._copy(copy, entry, entry.at or self._clock.now())

    @staticmethod
    def _copy(copy: AuditCopy, entry: AuditEntry, at: datetime) -> None:
        """The store has the entry: a full disk below the files must not keep a flow from being rolled back."""
        try:
            copy.append(entry.to_json(), at)
        except StoreFailed as error:
            log.exception("audit.not-copied", action=entry.action, organization=entry.organization, error=error.message)

    def synced(self, entry_id: int, receiver: str, event: str) -> None:
        """Note that a receiver has been told of an entry; that is an action, and an entry, too."""
        with self._database.write() as connection:
            organization = connection.execute(select(audit.c.organization).where(audit.c.id == entry_id)).scalar()
            if organization is None:
                return  # it is older than what is kept
            # Head first and row second, as everywhere, or two processes could wait for each other.
            _locked_head(connection, organization)
            row = connection.execute(
                update(audit).where(audit.c.id == entry_id).values(webhook_synced=True).returning(*audit.c)
            )
            row_found = row.mappings().one_or_none()
        if row_found is None:
            return
        entry = entry_of(row_found)
        details = {"receiver": receiver, "event": event, "told": entry.action, "told_at": _iso(entry.at)}
        sent = replace(entry, action="webhook", status="success", error=None, latency_ms=None, details=details)
        self.append(sent)

    def purge(self) -> int:
        """Drop entries that are older than the limit; returns how many.

        Of each organisation's chain only the beginning goes, and an entry tells with which entry it ended.
        """
        limit = self._clock.now() - self._keep
        old = self._rows(select(audit.c.organization).where(audit.c.at < limit).distinct())
        gone = sum(self._purge(row["organization"], limit) for row in old)
        for copy in self._copies:
            copy.purge(limit)
        return gone

    def _purge(self, organization: str, limit: datetime) -> int:
        with self._database.together(), self._database.write() as connection:
            head = _locked_head(connection, organization)
            own = audit.c.organization == organization
            kept = connection.execute(select(func.min(audit.c.position)).where(own, audit.c.at >= limit)).scalar()
            last = head.position if kept is None else kept - 1
            digest = connection.execute(select(audit.c.digest).where(own, audit.c.position == last)).scalar()
            gone = connection.execute(delete(audit).where(own, audit.c.position <= last)).rowcount
            gone += connection.execute(
                delete(audit).where(own, audit.c.position.is_(None), audit.c.at < limit)
            ).rowcount
            if digest is not None:
                details = {"position": last, "digest": digest, "entries": gone, "before": limit.isoformat()}
                self.append(AuditEntry(organization, PURGE, "success", _PURGES, details=details))
        return gone

    def head(self, organization: str) -> ChainHead:
        """The last entry of the organisation's chain, as it is committed now."""
        found = self._rows(_HEAD_TO_READ, name=organization)
        return ChainHead(**found[0]) if found else ChainHead()


def _locked_head(connection: Connection, organization: str) -> ChainHead:
    """The head of the chain, whose row no other process gets until the transaction ends.

    A lease's row is locked before it, an entry's row after it.
    """
    found = connection.execute(_HEAD, {"name": organization}).one_or_none()
    if found is None:
        insert_if_absent(connection, audit_heads, _FIRST | {"organization": organization})
        found = connection.execute(_HEAD, {"name": organization}).one()
    return ChainHead(*found)


_PURGES: Final = "penstock"
"""The actor of a purge: no person asks for it."""
_FIRST: Final[dict[str, Any]] = {"position": ChainHead().position, "digest": ChainHead().digest}
_HEAD_TO_READ: Final = select(audit_heads.c.position, audit_heads.c.digest).where(
    audit_heads.c.organization == bindparam("name")
)
_HEAD: Final = _HEAD_TO_READ.with_for_update()
_MOVE_HEAD: Final = (
    update(audit_heads)
    .where(audit_heads.c.organization == bindparam("name"))
    .values(position=bindparam("to"), digest=bindparam("own_digest"))
)
_COLUMNS = tuple(column.name for column in audit.columns if column.name != "id")
_APPEND: Final = insert(audit).returning(audit.c.id)


def entry_of(row: RowMapping) -> AuditEntry:
    """The entry of a row of the audit table."""
    return AuditEntry(**{name: row[name] for name in ("id", *_COLUMNS)})


def _name(name: str) -> str:
    """A name as it is kept: git lets people write anything into theirs."""
    return " ".join(SECRETS.text(name).split())[:LONGEST_NAME]


def _as_read(details: Mapping[str, object]) -> dict[str, object]:
    """Details without secrets, as they are read again, because the digest is made of what a reader has."""
    kept: dict[str, object] = json.loads(json.dumps(SECRETS.texts(SECRETS.value(details))))
    return kept


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
