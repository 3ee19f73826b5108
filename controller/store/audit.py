"""The audit log: who did what to which flow, when, from which commit, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import (
    BigInteger,
    Connection,
    RowMapping,
    Select,
    String,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from controller.domain.clock import Clock
from controller.domain.errors import StoreFailed
from controller.domain.redaction import SECRETS
from controller.domain.status import StepCause, StepState
from controller.store.audit_file import KEEP_DAYS, AuditCopy
from controller.store.database import Database, StorePart
from controller.store.schema import audit, steps, syncs

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
COUNTED: Final = 1000
_Count = tuple[int, int]
"""How many count, of how many."""
_VALIDATE: Final = "validate"
"""The action of the audit entries that tell how a validation ended."""
_WENT_WELL = [state.value for state in StepState if state.watched or state.delivered]
_WENT_WRONG = [state.value for state in StepState if state.going_back or state is StepState.FAILED]
_ASKED_FOR = [cause.value for cause in StepCause if cause.asked_for]
_NOT_DEPLOYED = "adopt"
"""The kind of change that makes nothing live."""


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
    """Set when it is appended; and so are the next three."""
    deployment_success_rate: float | None = None
    at: datetime | None = None
    id: int | None = None

    @property
    def success(self) -> bool | None:
        """Whether it ended well; None where it is neither an end nor a success."""
        return _SUCCESS.get(self.status)

    def to_json(self) -> dict[str, object]:
        """The entry as webhooks, files and the command line show it."""
        shown = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in ("id", "at")}
        timestamp = None if self.at is None else self.at.isoformat()
        return shown | {"timestamp": timestamp, "success": self.success, "details": dict(self.details)}


class AuditLog(StorePart):
    """Entries in the store and, where the operator wants them, as JSON lines in files or on a stream as well."""

    def __init__(
        self, database: Database, clock: Clock, copies: Sequence[AuditCopy] = (), keep_days: int = KEEP_DAYS
    ) -> None:
        super().__init__(database, clock)
        self._copies = copies
        self._keep = timedelta(days=keep_days)
        self._rates = Rates()

    def append(self, entry: AuditEntry) -> AuditEntry:
        """Keep an entry, with secrets masked, and the time and the rates set; returns it as it was kept.

        Raises StoreFailed; a copy that cannot be written is only told, loudly.
        """
        kept = replace(
            entry,
            actor=_name(entry.actor),
            author=None if entry.author is None else _name(entry.author),
            error=None if entry.error is None else SECRETS.text(entry.error),
            details=self._masked(entry.details),
            at=self._clock.now(),
        )
        with self._database.write() as connection:
            values = {name: getattr(kept, name) for name in _COLUMNS}
            number = connection.execute(_APPEND, values).scalar_one()
            invalid = self._rates.validation_error(connection, entry.organization)
            deployed = self._rates.deployment_success(connection, entry.organization)
            connection.execute(_SET_RATES, {"number": number, "invalid": invalid, "deployed": deployed})
        kept = replace(kept, id=number, validation_error_rate=invalid, deployment_success_rate=deployed)
        for copy in self._copies:
            self._copy(copy, kept, kept.at or self._clock.now())
        return kept

    @staticmethod
    def _copy(copy: AuditCopy, entry: AuditEntry, at: datetime) -> None:
        """The store has the entry: a full disk below the files must not keep a flow from being rolled back."""
        try:
            copy.append(entry.to_json(), at)
        except StoreFailed as error:
            log.exception("audit.not-copied", action=entry.action, organization=entry.organization, error=error.message)

    def _masked(self, details: Mapping[str, object]) -> Mapping[str, object]:
        masked = SECRETS.value(details)
        return masked if isinstance(masked, dict) else {}

    def synced(self, entry_id: int, receiver: str, event: str) -> None:
        """Note that a receiver has been told of an entry; that is an action, and an entry, too."""
        with self._database.write() as connection:
            row = connection.execute(
                update(audit).where(audit.c.id == entry_id).values(webhook_synced=True).returning(*audit.c)
            )
            row_found = row.mappings().one_or_none()
        if row_found is None:
            return  # it is older than what is kept
        entry = _entry(row_found)
        details = {"receiver": receiver, "event": event, "told": entry.action, "told_at": _iso(entry.at)}
        sent = replace(entry, action="webhook", status="success", error=None, latency_ms=None, details=details)
        self.append(sent)

    def purge(self) -> int:
        """Drop entries that are older than the limit; returns how many."""
        limit = self._clock.now() - self._keep
        gone = self._write(delete(audit).where(audit.c.at < limit))
        for copy in self._copies:
            copy.purge(limit)
        return gone


_COLUMNS = tuple(column.name for column in audit.columns if column.name != "id")
_APPEND: Final = insert(audit).returning(audit.c.id)
_SET_RATES: Final = (
    update(audit)
    .where(audit.c.id == bindparam("number"))
    .values(validation_error_rate=bindparam("invalid"), deployment_success_rate=bindparam("deployed"))
)


def _entry(row: RowMapping) -> AuditEntry:
    return AuditEntry(**{name: row[name] for name in ("id", *_COLUMNS)})


def _name(name: str) -> str:
    """A name as it is kept: git lets people write anything into theirs."""
    return " ".join(SECRETS.text(name).split())[:LONGEST_NAME]


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


class Rates:
    """Counts once for each sync what went before it, and each time what belongs to it: entries are many."""

    def __init__(self) -> None:
        self._before: dict[str, tuple[int, _Count]] = {}
        """By organisation, the newest sync and the count of those before it."""

    def validation_error(self, connection: Connection, organization: str) -> float | None:
        """Failed validations divided by validations, from 0 to 1; None before the first one."""
        return _share(_count(connection, _VALIDATIONS, organization=organization))

    def deployment_success(self, connection: Connection, organization: str) -> float | None:
        """Changes that made their version live, and were not rolled back, divided by all that ended or are live.

        From 0 to 1; None before the first one. Rollbacks that a person or git asked for are not counted.
        """
        newest = connection.execute(_NEWEST_SYNC, {"organization": organization}).scalar()
        if newest is None:
            return None
        known = self._before.get(organization)
        if known is None or known[0] != newest:
            earlier = _count(connection, _CHANGES_BEFORE, organization=organization, newest=newest)
            known = self._before[organization] = (newest, earlier)
        now = _count(connection, _CHANGES_OF, newest=newest)
        return _share((known[1][0] + now[0], known[1][1] + now[1]))


def _ended() -> Select[bool]:
    """Of each change that ended or is live, whether it counts as a success."""
    well = steps.c.state.in_(_WENT_WELL)
    wrong = steps.c.state.in_(_WENT_WRONG)
    by_itself = or_(steps.c.cause.is_(None), steps.c.cause.not_in(_ASKED_FOR))
    return select(well.label("counts")).where(steps.c.kind != _NOT_DEPLOYED, or_(well, and_(wrong, by_itself)))


def _counting(chosen: Select[bool]) -> Select[int, int]:
    rows = chosen.subquery()
    return select(func.sum(case((rows.c.counts, 1), else_=0)), func.count()).select_from(rows)


# Built once: to put such a statement together takes longer than to run it, and every audit entry counts.
_ORGANIZATION: Final = bindparam("organization", type_=String)
_NEWEST: Final = bindparam("newest", type_=BigInteger)
_NEWEST_SYNC: Final = select(func.max(syncs.c.id)).where(syncs.c.organization == _ORGANIZATION)
_VALIDATIONS: Final = _counting(
    select((audit.c.status != "success").label("counts"))
    .where(audit.c.organization == _ORGANIZATION, audit.c.action == _VALIDATE)
    .order_by(audit.c.id.desc())
    .limit(COUNTED)
)
_CHANGES_BEFORE: Final = _counting(
    _ended()
    .where(steps.c.sync_id.in_(select(syncs.c.id).where(syncs.c.organization == _ORGANIZATION, syncs.c.id < _NEWEST)))
    .order_by(steps.c.id.desc())
    .limit(COUNTED)
)
_CHANGES_OF: Final = _counting(_ended().where(steps.c.sync_id == _NEWEST))


def _count(connection: Connection, counting: Select[int, int], **named: object) -> _Count:
    number, total = connection.execute(counting, named).one()
    return int(number or 0), int(total)


def _share(count: _Count) -> float | None:
    return count[0] / count[1] if count[1] else None
