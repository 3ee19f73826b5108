"""Suspensions: a person stopped new deliveries to an organisation, without a commit, until a person resumes them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import RowMapping, bindparam, insert, select, update

from controller.domain.suspension import Suspension
from controller.store.database import StorePart
from controller.store.live_marks import LiveTopic, touch
from controller.store.live_schema import suspensions


class Suspensions(StorePart):
    """Every method may raise StoreFailed."""

    def suspend(self, organization: str, *, by: str, reason: str) -> Suspension:
        """Stop new deliveries; one that is suspended already stays as it is. Returns the suspension that holds."""
        values = {"organization": organization, "by": by, "reason": reason, "at": self._clock.now()}
        with self._database.write() as connection:
            row = connection.execute(_ACTIVE, {"organization": organization}).mappings().first()
            if row is None:
                connection.execute(insert(suspensions).values(values))
                touch(connection, organization, LiveTopic.SUSPENSION)
                row = connection.execute(_ACTIVE, {"organization": organization}).mappings().one()
        return _suspension(row)

    def resume(self, organization: str, *, by: str, reason: str) -> Suspension | None:
        """Let deliveries begin again. Returns the suspension that ended; None where there was none."""
        with self._database.write() as connection:
            row = connection.execute(_ACTIVE, {"organization": organization}).mappings().first()
            if row is None:
                return None
            ended = {"resumed_by": by, "resumed_reason": reason, "resumed_at": self._clock.now()}
            active = suspensions.c.organization == organization, suspensions.c.resumed_at.is_(None)
            connection.execute(update(suspensions).where(*active).values(ended))
            touch(connection, organization, LiveTopic.SUSPENSION)
        return _suspension(row)

    def of(self, organization: str) -> Suspension | None:
        """The suspension that holds now."""
        return next(map(_suspension, self._rows(_ACTIVE, organization=organization)), None)

    def active(self) -> list[Suspension]:
        """The suspensions that hold now, one for each organisation."""
        query = select(suspensions).where(suspensions.c.resumed_at.is_(None)).order_by(suspensions.c.id.desc())
        found = {row["organization"]: _suspension(row) for row in self._rows(query)}
        return [found[name] for name in sorted(found)]


_ACTIVE: Final = (
    select(suspensions)
    .where(suspensions.c.organization == bindparam("organization"), suspensions.c.resumed_at.is_(None))
    .order_by(suspensions.c.id)
    .limit(1)
)
"""The oldest, should two processes have suspended it at once."""


def _suspension(row: RowMapping) -> Suspension:
    return Suspension(row["organization"], row["by"], row["reason"], row["at"])
