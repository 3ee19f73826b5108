"""Which organisation a client reaches: asked once, and kept, because a client belongs to one organisation."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select

from controller.domain.clock import Clock
from controller.domain.organization_identity import OrganizationIdentity
from controller.store.database import Database, insert_if_absent
from controller.store.schema import identities


class ClientIdentities:
    """Every method may raise StoreFailed."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def known(self, identity: OrganizationIdentity) -> OrganizationIdentity:
        """The identity with the organisation's own id, where it was learnt."""
        query = select(identities.c.organization_id).where(
            identities.c.api_url == identity.api_url, identities.c.client_id == identity.client_id
        )
        with self._database.read() as connection:
            found = connection.execute(query).scalar_one_or_none()
        return identity if found is None else replace(identity, organization_id=found)

    def learn(self, identity: OrganizationIdentity) -> None:
        """Keep an answer; the first one counts."""
        row: dict[str, object] = {
            "api_url": identity.api_url,
            "client_id": identity.client_id,
            "organization_id": identity.organization_id,
            "at": self._clock.now(),
        }
        with self._database.write() as connection:
            insert_if_absent(connection, identities, row)
