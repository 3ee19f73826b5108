"""The store as one object: its parts share a database and a clock."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from controller.domain.clock import Clock
from controller.store.approvals import Approvals
from controller.store.audit import AuditLog
from controller.store.audit_file import KEEP_DAYS, AuditCopy, AuditFile, AuditStream
from controller.store.bindings import Bindings
from controller.store.database import Database
from controller.store.drifts import Drifts
from controller.store.facts import Facts
from controller.store.identities import ClientIdentities
from controller.store.journal import Journal
from controller.store.known_branches import KnownBranches
from controller.store.leases import Leases
from controller.store.outbox import OutboxTable
from controller.store.quarantine import Quarantines


class Store:
    """Leases, identities, journal, audit, quarantines, outbox and facts of all organisations of one installation."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Clock,
        copies: Sequence[AuditCopy] = (),
        audit_days: int = KEEP_DAYS,
    ) -> None:
        self.database = database
        self.leases = Leases(database, clock)
        self.identities = ClientIdentities(database, clock)
        self.bindings = Bindings(database, clock)
        self.journal = Journal(database, clock)
        self.audit = AuditLog(database, clock, copies, audit_days)
        self.approvals = Approvals(database, clock)
        self.quarantines = Quarantines(database, clock)
        self.outbox = OutboxTable(database, clock, self.audit)
        self.facts = Facts(database, clock)
        self.drifts = Drifts(database)
        self.known_branches = KnownBranches(database, clock)

    @classmethod
    def open(
        cls,
        url: str,
        *,
        clock: Clock,
        audit_folder: Path | None = None,
        audit_stream: TextIO | None = None,
        audit_days: int = KEEP_DAYS,
    ) -> Store:
        """Connect to an SQLAlchemy URL (sqlite: or postgresql:) and run the missing migrations.

        Audit entries are copied to daily files in `audit_folder`, and to `audit_stream`, where these are given.
        Raises SettingsInvalid for a URL of another kind and StoreFailed when it does not answer.
        """
        copies: list[AuditCopy] = []
        if audit_folder is not None:
            copies.append(AuditFile(audit_folder, audit_days))
        if audit_stream is not None:
            copies.append(AuditStream(audit_stream))
        return cls(Database.open(url), clock=clock, copies=copies, audit_days=audit_days)

    def together(self) -> AbstractContextManager[None]:
        """All writes within are one transaction: either all of them are kept or none. Nothing may be awaited within."""
        return self.database.together()

    def ping(self) -> None:
        """Raise StoreFailed when the store does not answer; for readiness probes."""
        self.database.ping()

    def close(self) -> None:
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
