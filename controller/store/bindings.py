"""The organisation that each client reaches, that each manifest's name is bound to, and the name of its history.

Facts about one organisation must not count for another one that is given its name. The history and the
quarantines of the former are kept under a name that no manifest can have, and come back when the name does. Nothing
else has to move: approvals name a plan's digest, which holds address and client; facts go by flow ids, and a flow's id
belongs to one organisation.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import replace
from typing import Final

from sqlalchemy import BindParameter, Connection, bindparam, select, text, update

from controller.domain.organization_identity import OrganizationIdentity
from controller.store.database import StorePart, insert_if_absent
from controller.store.schema import bindings, drifts, identities, latest_steps, quarantines, syncs

_MOVED = (syncs, latest_steps, quarantines, drifts)


class Bindings(StorePart):
    """Every method may raise StoreFailed. A caller that binds holds the leases of all organisations that it names."""

    def alone(self) -> None:
        """Keep other processes from binding until this transaction ends; the first statement in it.

        Taking one can need several leases. Two that did so at once would wait for each other; SQLite has one writer
        at a time in any case.
        """
        with self._database.write() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("LOCK TABLE bindings IN EXCLUSIVE MODE"))

    def bind(self, organization: str, identity: str) -> str:
        """The identity that the name is bound to; an unbound name is bound to this one."""
        row: dict[str, object] = {"organization": organization, "identity": identity, "at": self._clock.now()}
        with self._database.write() as connection:
            insert_if_absent(connection, bindings, row)
            return str(connection.execute(_BOUND_LOCKED, {"organization": organization}).scalar_one())

    def refine(self, organization: str, identity: str) -> None:
        """Bind the name to another key of the same organisation."""
        with self._database.write() as connection:
            self._set(connection, organization, identity)

    def move(self, organization: str, old: str, new: str) -> str:
        """Bind the name to another organisation. Returns the name that the old one's history is kept under.

        The history of the new one, from when the name was bound to it before, is found under the name again.
        """
        kept = _kept_as(organization, old)
        with self._database.write() as connection:
            for table in _MOVED:
                for before, after in ((organization, kept), (_kept_as(organization, new), organization)):
                    connection.execute(update(table).where(table.c.organization == before).values(organization=after))
            self._set(connection, organization, new)
        return kept

    def kept_as(self, organization: str, identity: OrganizationIdentity) -> str:
        """The name that this organisation's history is kept under, even while the name is bound to another one."""
        bound = self._value(_BOUND, organization=organization)
        if bound in (None, identity.key, identity.by_client):
            return organization
        return _kept_as(organization, identity.key)

    def names(self, identities: Collection[str]) -> list[str]:
        """All names that are bound to these organisations, in order."""
        return [row["organization"] for row in self._rows(_NAMES, identities=list(identities))]

    def _set(self, connection: Connection, organization: str, identity: str) -> None:
        connection.execute(
            update(bindings)
            .where(bindings.c.organization == organization)
            .values(identity=identity, at=self._clock.now())
        )


_BOUND: Final = select(bindings.c.identity).where(bindings.c.organization == bindparam("organization"))
_BOUND_LOCKED: Final = _BOUND.with_for_update()
_IDENTITIES: Final[BindParameter[str]] = bindparam("identities", expanding=True)
_NAMES: Final = (
    select(bindings.c.organization).where(bindings.c.identity.in_(_IDENTITIES)).order_by(bindings.c.organization)
)
_LEARNT: Final = select(identities.c.organization_id).where(
    identities.c.api_url == bindparam("api_url"), identities.c.client_id == bindparam("client_id")
)


def _kept_as(organization: str, identity: str) -> str:
    return f"{organization}@{hashlib.sha256(identity.encode()).hexdigest()[:12]}"


class ClientIdentities(StorePart):
    """Which organisation a client reaches: asked once, and kept, because a client belongs to one organisation."""

    def known(self, identity: OrganizationIdentity) -> OrganizationIdentity:
        """The identity with the organisation's own id, where it was learnt."""
        found = self._value(_LEARNT, api_url=identity.api_url, client_id=identity.client_id)
        return identity if found is None else replace(identity, organization_id=found)

    def learn(self, identity: OrganizationIdentity) -> None:
        """Keep an answer; the first one counts."""
        known = {"api_url": identity.api_url, "client_id": identity.client_id}
        self._insert_once(identities, **known, organization_id=identity.organization_id)
