"""The audit log: who did what to which flow, when, from which commit, and how it ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from sqlalchemy import RowMapping, delete, insert, select

from controller.domain.clock import Clock
from controller.domain.errors import StoreFailed
from controller.domain.redaction import SECRETS
from controller.store.audit_file import AuditFile
from controller.store.database import Database
from controller.store.schema import audit

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One action. `status` is a word such as `success`, `failure` or `lost`; a rate is a fraction from 0 to 1."""

    organization: str
    action: str
    status: str
    actor: str
    flow: str | None = None
    """`type/name`."""
    version: str | None = None
    latency_ms: float | None = None
    validation_error_rate: float | None = None
    details: Mapping[str, object] = field(default_factory=dict)
    revision: str | None = None
    at: datetime | None = None
    """Set when it is appended."""

    def to_json(self) -> dict[str, object]:
        """The entry as webhooks, files and the command line show it."""
        return {
            "timestamp": None if self.at is None else self.at.isoformat(),
            "organization": self.organization,
            "action": self.action,
            "flow": self.flow,
            "version": self.version,
            "status": self.status,
            "latency_ms": self.latency_ms,
            "validation_error_rate": self.validation_error_rate,
            "details": dict(self.details),
            "actor": self.actor,
            "revision": self.revision,
        }


class AuditLog:
    """Entries in the store and, where a folder is set, in daily files of JSON lines as well."""

    def __init__(self, database: Database, clock: Clock, file: AuditFile | None = None) -> None:
        self._database = database
        self._clock = clock
        self._file = file

    def append(self, entry: AuditEntry) -> AuditEntry:
        """Keep an entry, with secrets masked and the time set; returns it as it was kept.

        Raises StoreFailed; a file that cannot be written is only told, loudly.
        """
        kept = AuditEntry(
            organization=entry.organization,
            action=entry.action,
            status=entry.status,
            actor=SECRETS.text(entry.actor),
            flow=entry.flow,
            version=entry.version,
            latency_ms=entry.latency_ms,
            validation_error_rate=entry.validation_error_rate,
            details=self._masked(entry.details),
            revision=entry.revision,
            at=self._clock.now(),
        )
        columns = {name: getattr(kept, name) for name in _COLUMNS}
        with self._database.write() as connection:
            connection.execute(insert(audit).values(columns))
        if self._file is not None and kept.at is not None:
            self._copy(self._file, kept, kept.at)
        return kept

    @staticmethod
    def _copy(file: AuditFile, entry: AuditEntry, at: datetime) -> None:
        """The store has the entry: a full disk below the files must not keep a flow from being rolled back."""
        try:
            file.append(entry.to_json(), at)
        except StoreFailed as error:
            log.exception("audit.not-copied", action=entry.action, organization=entry.organization, error=error.message)

    def _masked(self, details: Mapping[str, object]) -> Mapping[str, object]:
        masked = SECRETS.value(details)
        return masked if isinstance(masked, dict) else {}

    def entries(
        self,
        organization: str | None = None,
        *,
        flow: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
    ) -> Iterator[AuditEntry]:
        """Entries, newest first; `since` counts, `until` does not."""
        query = select(audit).order_by(audit.c.id.desc())
        if organization is not None:
            query = query.where(audit.c.organization == organization)
        if flow is not None:
            query = query.where(audit.c.flow == flow)
        if since is not None:
            query = query.where(audit.c.at >= since)
        if until is not None:
            query = query.where(audit.c.at < until)
        with self._database.read() as connection:
            for row in connection.execute(query.limit(limit)).mappings():
                yield _entry(row)

    def purge(self, *, keep_days: int = 90) -> int:
        """Drop what is older than that; returns how many entries went."""
        limit = self._clock.now() - timedelta(days=keep_days)
        with self._database.write() as connection:
            gone = connection.execute(delete(audit).where(audit.c.at < limit)).rowcount
        if self._file is not None:
            self._file.purge(limit)
        return gone


_COLUMNS = tuple(column.name for column in audit.columns if column.name != "id")


def _entry(row: RowMapping) -> AuditEntry:
    return AuditEntry(**{name: row[name] for name in _COLUMNS})
