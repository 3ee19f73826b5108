"""Approvals: a person's word for one plan, by its digest, or for what one step made live.

A plan that changed in any way has another digest.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import BindParameter, bindparam, select

from controller.store.database import StorePart, insert_if_absent
from controller.store.live_marks import LiveTopic, touch
from controller.store.schema import approvals, steps, syncs


@dataclass(frozen=True, slots=True)
class Approval:
    organization: str
    digest: str
    by: str
    at: datetime


class Approvals(StorePart):
    def give(self, organization: str, digest: str, *, by: str) -> Approval:
        """Approve a plan; the first approval counts. Returns the approval that holds."""
        values: dict[str, object] = {"organization": organization, "digest": digest, "by": by, "at": self._clock.now()}
        with self._database.write() as connection:
            insert_if_absent(connection, approvals, values)
            # Read in the same transaction: within a larger one nothing else sees the row yet.
            row = connection.execute(_APPROVAL, {"organization": organization, "digest": digest}).mappings().one()
            touch(connection, organization, LiveTopic.APPROVAL)
        return Approval(**row)

    def promote(self, organization: str, step_id: int, *, by: str) -> Approval:
        """Let stay what this step made live, and its gates could not decide about. Returns the word that holds."""
        return self.give(organization, promoted(step_id), by=by)

    def promotion(self, organization: str, step_id: int) -> Approval | None:
        """A person's word that what this step made live may stay, if there is one."""
        return self.of(organization, promoted(step_id))

    def of(self, organization: str, digest: str) -> Approval | None:
        """The approval of this plan, if a person gave one."""
        rows = self._rows(_APPROVAL, organization=organization, digest=digest)
        return next((Approval(**row) for row in rows), None)

    def by_steps(self, step_ids: Collection[int]) -> tuple[str, ...]:
        """Who approved the plans of these steps, or accepted what they made live; sorted."""
        with self._database.read() as connection:
            rows = connection.execute(_STEPS_OF, {"steps": list(step_ids)}).all()
            digests = {digest for row in rows for digest in (row.plan_digest, promoted(row.id))}
            organizations = {row.organization for row in rows}
            found = connection.execute(_BY, {"organizations": list(organizations), "digests": list(digests)})
            return tuple(sorted(set(found.scalars())))


_APPROVAL: Final = select(approvals).where(
    approvals.c.organization == bindparam("organization"), approvals.c.digest == bindparam("digest")
)
_STEPS: Final[BindParameter[int]] = bindparam("steps", expanding=True)
_STEPS_OF: Final = (
    select(steps.c.id, syncs.c.plan_digest, syncs.c.organization).join(syncs).where(steps.c.id.in_(_STEPS))
)
_ORGANIZATIONS: Final[BindParameter[str]] = bindparam("organizations", expanding=True)
_DIGESTS: Final[BindParameter[str]] = bindparam("digests", expanding=True)
_BY: Final = select(approvals.c.by).where(
    approvals.c.organization.in_(_ORGANIZATIONS), approvals.c.digest.in_(_DIGESTS)
)


def promoted(step_id: int) -> str:
    """The key in place of a plan's digest, for what a step made live."""
    return f"promote step {step_id}"
