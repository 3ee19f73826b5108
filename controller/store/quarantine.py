"""Quarantines: desired states that were rolled back, and are not delivered again until git changes them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, RowMapping, and_, bindparam, insert, select, update

from controller.domain.identity import FlowKey
from controller.store.database import StorePart
from controller.store.schema import quarantines


@dataclass(frozen=True, slots=True)
class Quarantined:
    """The desired state (`DesiredFlow.wanted`) of one flow that failed, and why."""

    organization: str
    key: FlowKey
    wanted: str
    reason: str
    at: datetime


class Quarantines(StorePart):
    def add(self, organization: str, key: FlowKey, wanted: str, reason: str) -> None:
        """Quarantine a desired state; one that already is keeps its first reason."""
        with self._database.write() as connection:
            match = and_(_of_flow(organization, key), quarantines.c.wanted == wanted)
            if connection.execute(select(quarantines.c.id).where(match)).first() is not None:
                return
            values = {"organization": organization, **asdict(key), "wanted": wanted, "reason": reason}
            connection.execute(insert(quarantines).values(values | {"at": self._clock.now()}))

    def active(self, organization: str) -> tuple[Quarantined, ...]:
        """The desired states that are quarantined now, oldest first."""
        return tuple(map(_quarantined, self._rows(_ACTIVE, organization=organization)))

    def release(self, organization: str, key: FlowKey, *, by: str, wanted: str | None = None) -> int:
        """Let a flow's desired states, or just one of them, be tried again; returns how many were released."""
        match = _of_flow(organization, key)
        if wanted is not None:
            match = and_(match, quarantines.c.wanted == wanted)
        return self._write(update(quarantines).where(match).values(released_at=self._clock.now(), released_by=by))


_ACTIVE: Final = (
    select(quarantines)
    .where(quarantines.c.organization == bindparam("organization"), quarantines.c.released_at.is_(None))
    .order_by(quarantines.c.id)
)


def _of_flow(organization: str, key: FlowKey) -> ColumnElement[bool]:
    return and_(
        quarantines.c.organization == organization,
        quarantines.c.type == key.type,
        quarantines.c.name == key.name,
        quarantines.c.released_at.is_(None),
    )


def _quarantined(row: RowMapping) -> Quarantined:
    return Quarantined(row["organization"], FlowKey(row["type"], row["name"]), row["wanted"], row["reason"], row["at"])
