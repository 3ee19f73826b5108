"""Records the branches with records, so that a missing branch does not count as new, and the id of the store."""

from __future__ import annotations

import uuid
from functools import cached_property
from typing import Final

from sqlalchemy import select, update

from controller.domain.clock import Clock
from controller.store.database import Database, insert_if_absent
from controller.store.schema import installation, known_branches

_ID: Final = "id"


class KnownBranches:
    """Every method may raise StoreFailed."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    @cached_property
    def store_id(self) -> str:
        """The store's own id, the same as long as it lives; chosen when it is first asked for."""
        query = select(installation.c.value).where(installation.c.key == _ID)
        with self._database.write() as connection:
            insert_if_absent(connection, installation, {"key": _ID, "value": str(uuid.uuid4())})
            return str(connection.execute(query).scalar_one())

    def of(self, organization: str) -> dict[str, str]:
        """By branch, the commit that an organisation's record was last known to be at."""
        query = select(known_branches.c.branch, known_branches.c.sha).where(
            known_branches.c.organization == organization
        )
        with self._database.read() as connection:
            return {row.branch: row.sha for row in connection.execute(query)}

    def note(self, organization: str, branch: str, sha: str) -> None:
        """Remember where the record is."""
        key = {"organization": organization, "branch": branch}
        values = {"sha": sha, "at": self._clock.now()}
        with self._database.write() as connection:
            insert_if_absent(connection, known_branches, key | values)
            connection.execute(
                update(known_branches)
                .where(known_branches.c.organization == organization, known_branches.c.branch == branch)
                .values(values)
            )
