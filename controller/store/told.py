"""What people were told of each organisation, so that each message is written once, by one process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, update

from controller.store.database import StorePart, insert_if_absent
from controller.store.schema import told


class Told(StorePart):
    """One document for each organisation, whose content `reconcile` knows. Every method may raise StoreFailed."""

    def of(self, organization: str) -> dict[str, Any] | None:
        """What was told last; None before the first time."""
        found: dict[str, Any] | None = self._value(select(told.c.state).where(told.c.organization == organization))
        return found

    def replace(self, organization: str, known: Mapping[str, Any] | None, state: Mapping[str, Any]) -> bool:
        """Whether the state was kept: not where it is no longer `known`, because another process told meanwhile.

        Within `together()` that other process waits until the transaction ends.
        """
        values = {"state": dict(state), "at": self._clock.now()}
        with self._database.write() as connection:
            if known is None:
                return insert_if_absent(connection, told, {"organization": organization, **values})
            named = told.c.organization == organization
            found = connection.execute(select(told.c.state).where(named).with_for_update()).scalar_one_or_none()
            if found != known:
                return False
            connection.execute(update(told).where(named).values(values))
            return True
