"""Approvals: a person's word for one plan, by its digest, or for what one step made live.

A plan that changed in any way has another digest.
"""

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
        """Approve a plan; the first approval counts. Returns the approval that holds."""
        values = {"organization": organization, "digest": digest, "by": by, "at": self._clock.now()}
        with self._database.write() as connection:
            insert_if_absent(connection, approvals, values)
        found = self.of(organization, digest)
        return found if found is not None else Approval(organization, digest, by, self._clock.now())

    def promote(self, organization: str, step_id: int, *, by: str) -> Approval:
        """Let stay what this step made live, and its gates could not decide about. Returns the word that holds."""
        return self.give(organization, _promoted(step_id), by=by)

    def promotion(self, organization: str, step_id: int) -> Approval | None:
        """A person's word that what this step made live may stay, if there is one."""
        return self.of(organization, _promoted(step_id))

    def of(self, organization: str, digest: str) -> Approval | None:
        """The approval of this plan, if a person gave one."""
        query = select(approvals).where(approvals.c.organization == organization, approvals.c.digest == digest)
        with self._database.read() as connection:
            row: RowMapping | None = connection.execute(query).mappings().one_or_none()
        return None if row is None else Approval(row["organization"], row["digest"], row["by"], row["at"])


def _promoted(step_id: int) -> str:
    """The key in place of a plan's digest."""
    return f"promote step {step_id}"
