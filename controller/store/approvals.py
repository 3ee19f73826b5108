"""Approvals: a person's word for one plan, by its digest. A plan that changed in any way has another digest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, select

from controller.domain.clock import Clock
from controller.store.database import Database, insert_if_absent
from controller.store.schema import approvals


@dataclass(frozen=True, slots=True)
class Approval:
    organization: str
    digest: str
    by: str
    at: datetime


class Approvals:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def give(self, organization: str, digest: str, *, by: str) -> Approval:
        """Approve a plan; whoever approved it first counts. Returns the approval that holds."""
        values = {"organization": organization, "digest": digest, "by": by, "at": self._clock.now()}
        with self._database.write() as connection:
            insert_if_absent(connection, approvals, values)
        found = self.of(organization, digest)
        return found if found is not None else Approval(organization, digest, by, self._clock.now())

    def of(self, organization: str, digest: str) -> Approval | None:
        """The approval of this plan, if a person gave one."""
        query = select(approvals).where(approvals.c.organization == organization, approvals.c.digest == digest)
        with self._database.read() as connection:
            row: RowMapping | None = connection.execute(query).mappings().one_or_none()
        return None if row is None else Approval(row["organization"], row["digest"], row["by"], row["at"])
