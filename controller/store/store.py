"""The store as one object: its parts share a database and a clock."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import Final, Self, TextIO

from sqlalchemy import bindparam, select

from controller.domain.clock import Clock
from controller.store.actions import Actions
from controller.store.approvals import Approvals
from controller.store.audit import AuditLog
from controller.store.audit_file import KEEP_DAYS, AuditCopy, AuditFile, AuditStream
from controller.store.bindings import Bindings, ClientIdentities
from controller.store.database import Database, StorePart, insert_if_absent, insert_or_update
from controller.store.drifts import Drifts
from controller.store.facts import Facts, LearnedTimes
from controller.store.history import HISTORY_DAYS, History
from controller.store.journal import Journal
from controller.store.leases import Leases
from controller.store.live_marks import LiveMarks
from controller.store.outbox import OutboxTable, ToldTable
from controller.store.past import Past
from controller.store.quarantine import Quarantines
from controller.store.replicas import Replicas
from controller.store.running import Running
from controller.store.schema import STORE_ID, installation, known_branches
from controller.store.suspensions import Suspensions
from controller.store.sync_list import SyncList
from controller.store.views import Views


class Store:
    """Leases, identities, journal, audit, quarantines, outbox and facts of all organisations of one installation."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Clock,
        copies: Sequence[AuditCopy] = (),
        audit_days: int = KEEP_DAYS,
        history_days: int = HISTORY_DAYS,
    ) -> None:
        self.database = database
        self.leases = Leases(database, clock)
        self.identities = ClientIdentities(database, clock)
        self.bindings = Bindings(database, clock)
        self.journal = Journal(database, clock)
        self.past = Past(database, clock)
        self.sync_list = SyncList(database, clock)
        self.history = History(database, clock, history_days)
        self.audit = AuditLog(database, clock, copies, audit_days)
        self.approvals = Approvals(database, clock)
        self.quarantines = Quarantines(database, clock)
        self.outbox = OutboxTable(database, clock, self.audit)
        self.told = ToldTable(database, clock)
        self.facts = Facts(database, clock)
        self.drifts = Drifts(database, clock)
        self.publish_times = LearnedTimes(database, clock)
        self.known_branches = KnownBranches(database, clock)
        self.views = Views(database, clock)
        self.running = Running(database, clock)
        self.replicas = Replicas(database, clock)
        self.suspensions = Suspensions(database, clock)
        self.actions = Actions(database, clock, history_days)
        self.marks = LiveMarks(database, clock)

    @classmethod
    def open(
        cls,
        url: str,
        *,
        clock: Clock,
        audit_folder: Path | None = None,
        audit_stream: TextIO | None = None,
        audit_days: int = KEEP_DAYS,
        history_days: int = HISTORY_DAYS,
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
        database = Database.open(url)
        return cls(database, clock=clock, copies=copies, audit_days=audit_days, history_days=history_days)

    def together(self) -> AbstractContextManager[None]:
        """All writes within are one transaction: either all of them are kept or none. Nothing may be awaited within."""
        return self.database.together()

    def close(self) -> None:
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class KnownBranches(StorePart):
    """The branches that hold records, so that a lost branch is not taken for a new one; and the store's own id.

    Every method may raise StoreFailed.
    """

    @cached_property
    def store_id(self) -> str:
        """The store's own id, the same as long as it lives; chosen when it is first asked for."""
        query = select(installation.c.value).where(installation.c.key == STORE_ID)
        with self._database.write() as connection:
            insert_if_absent(connection, installation, {"key": STORE_ID, "value": str(uuid.uuid4())})
            return str(connection.execute(query).scalar_one())

    def of(self, organization: str) -> dict[str, str]:
        """By branch, the commit that an organisation's record was last known to be at."""
        return {row["branch"]: row["sha"] for row in self._rows(_BRANCHES, organization=organization)}

    def note(self, organization: str, branch: str, sha: str) -> None:
        """Remember where the record is."""
        values = {"organization": organization, "branch": branch, "sha": sha, "at": self._clock.now()}
        with self._database.write() as connection:
            insert_or_update(connection, known_branches, values)


_BRANCHES: Final = select(known_branches).where(known_branches.c.organization == bindparam("organization"))
