"""Drift that has begun and not ended, so that its begin and its end are noted once, by one process."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, delete, insert, select

from controller.store.database import StorePart
from controller.store.schema import drifts


@dataclass(frozen=True, slots=True)
class OpenDrift:
    """One difference between the live and the recorded state."""

    flow: str
    """`type/name`."""
    kind: str
    expected: str | None
    actual: str | None
    message: str
    since: datetime
    """When it was seen first."""

    @property
    def same(self) -> tuple[str, str, str | None, str | None]:
        """Equal for the same drift seen twice."""
        return self.flow, self.kind, self.expected, self.actual


_OPEN: Final = (
    select(drifts).where(drifts.c.organization == bindparam("organization")).order_by(drifts.c.flow, drifts.c.kind)
)


class Drifts(StorePart):
    """Every method may raise StoreFailed. Read and written in one transaction, where it must be the same state."""

    def open(self, organization: str) -> list[OpenDrift]:
        """The drift that has not ended, by flow and kind."""
        with self._database.write() as connection:
            rows = connection.execute(_OPEN, {"organization": organization}).mappings().all()
        return [OpenDrift(**{name: row[name] for name in OpenDrift.__slots__}) for row in rows]

    def listed(self, organization: str) -> list[OpenDrift]:
        """The same, for readers: no write lock is taken."""
        rows = self._rows(_OPEN, organization=organization)
        return [OpenDrift(**{name: row[name] for name in OpenDrift.__slots__}) for row in rows]

    def change(self, organization: str, ended: Iterable[OpenDrift], begun: Iterable[OpenDrift]) -> None:
        """Forget ended drift, and keep new drift."""
        with self._database.write() as connection:
            for drift in ended:
                connection.execute(
                    delete(drifts).where(
                        drifts.c.organization == organization, drifts.c.flow == drift.flow, drifts.c.kind == drift.kind
                    )
                )
            for drift in begun:
                values = {name: getattr(drift, name) for name in OpenDrift.__slots__}
                connection.execute(insert(drifts).values(values | {"organization": organization}))
