"""Which controllers share the store, and which of them looks after which organisation.

An assignment is a lease of the organisation's name. It says who runs passes over the organisation; each pass still
takes the lease of its own that guards the writes. One transaction renews all assignments of a replica, however many
there are. Where a server keeps the store, all go by its clock.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import BindParameter, ColumnElement, Connection, and_, bindparam, delete, or_, select, true, update

from controller.store.database import StorePart, insert_or_update
from controller.store.leases import insert_free
from controller.store.live_marks import LiveTopic, touch_all
from controller.store.live_schema import replicas
from controller.store.schema import leases

_PREFIX: Final = "organization "
"""Of the names of these leases. No identity of an organisation begins so."""
_FORGOTTEN_AFTER: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Member:
    """A process, as it names itself."""

    name: str
    """As in leases."""
    instance: str
    """Tells two processes with one name apart."""


@dataclass(frozen=True, slots=True)
class Replica:
    """A controller that is alive."""

    name: str
    since: datetime
    """It was heard from without a gap since then."""
    expires_at: datetime
    """It counts as dead from then on, unless it is heard from again."""
    serves: frozenset[str]
    """The organisations that it could look after: those of the manifests that it read."""


@dataclass(frozen=True, slots=True)
class Assigned:
    """Who looks after an organisation."""

    holder: str
    """The name of the replica; empty after it gave the organisation up."""
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Roster:
    """All of it at one time."""

    at: datetime
    replicas: Mapping[str, Replica]
    """The replicas that are alive, by name."""
    assigned: Mapping[str, Assigned]
    """By organisation, also the assignments that have expired."""
    superseded: bool = False
    """Whether another process uses the name of the replica that asks; nothing was renewed then."""
    replaced: bool = False
    """Whether the replica that asks took its name over from a process that may still run."""

    def holder(self, organization: str) -> str | None:
        """The replica that looks after the organisation now."""
        found = self.assigned.get(organization)
        return found.holder if found is not None and found.holder and found.expires_at > self.at else None


class Replicas(StorePart):
    """Every method may raise StoreFailed."""

    def beat(self, member: Member, serves: Collection[str], *, ttl_s: float, joined: bool = True) -> Roster:
        """Say that the replica is alive, and renew its assignments, in one transaction.

        Of two processes with one name the one that came last stays: who has not `joined` takes the name over.
        """
        with self._database.write() as connection:
            now = self._database.common_time(connection, self._clock)
            row = connection.execute(_OWN, {"own": member.name}).mappings().one_or_none()
            known = row if row is not None and row["expires_at"] > now else None
            again = known is not None and known["instance"] == member.instance
            if known is not None and joined and not again:
                return replace(_roster(connection, now), superseded=True)
            until = now + timedelta(seconds=ttl_s)
            since = known["since"] if known is not None and again else now
            values = {**asdict(member), "since": since, "expires_at": until, "serves": sorted(serves)}
            insert_or_update(connection, replicas, values)
            if not again:
                connection.execute(delete(replicas).where(replicas.c.expires_at < now - _FORGOTTEN_AFTER))
            connection.execute(_RENEW, {"own": member.name, "now": now, "until": until})
            return replace(_roster(connection, now), replaced=known is not None and not again)

    def claim(self, name: str, organizations: Iterable[str], dead: Collection[str], *, ttl_s: float) -> frozenset[str]:
        """Take those that nobody looks after, or only replicas that are known to be `dead`; returns which ones.

        What another replica is about to take is left to it, without a wait.
        """
        wanted = sorted(f"{_PREFIX}{each}" for each in organizations)
        with self._database.write() as connection:
            now = self._database.common_time(connection, self._clock)
            for each in wanted:
                insert_free(connection, each, now)
            free = or_(leases.c.expires_at <= now, leases.c.holder.in_(sorted(dead)))
            query = select(leases.c.name).where(leases.c.name.in_(wanted), free).with_for_update(skip_locked=True)
            got = connection.execute(query).scalars().all()
            taken = {
                "holder": name,
                "fence": leases.c.fence + 1,
                "expires_at": now + timedelta(seconds=ttl_s),
                "manifest": "",
            }
            connection.execute(update(leases).where(leases.c.name.in_(got)).values(taken))
            return _told(connection, got)

    def give_up(self, name: str, organizations: Iterable[str]) -> None:
        """Let another replica look after these at once; those that this one does not hold stay as they are."""
        names = [f"{_PREFIX}{each}" for each in organizations]
        with self._database.write() as connection:
            self._give_up(connection, name, leases.c.name.in_(names))

    def leave(self, member: Member) -> None:
        """The replica ends: others may look after all that it held, and count it no more."""
        with self._database.write() as connection:
            own = replicas.c.name == member.name, replicas.c.instance == member.instance
            if connection.execute(delete(replicas).where(*own)).rowcount:
                self._give_up(connection, member.name, true())

    def _give_up(self, connection: Connection, name: str, which: ColumnElement[bool]) -> None:
        now = self._database.common_time(connection, self._clock)
        held = _held_by(name), leases.c.expires_at > now, which
        given = update(leases).where(*held).values(holder="", expires_at=now).returning(leases.c.name)
        _told(connection, connection.execute(given).scalars().all())

    def roster(self) -> Roster:
        """The replicas and assignments now, for readers."""
        with self._database.read() as connection:
            return _roster(connection, self._database.common_time(connection, self._clock))


_OWN: Final = select(replicas).where(replicas.c.name == bindparam("own")).with_for_update()
_ASSIGNED: Final = select(leases.c.name, leases.c.holder, leases.c.expires_at).where(
    leases.c.name.startswith(_PREFIX, autoescape=True)
)


def _held_by(name: str | BindParameter[str]) -> ColumnElement[bool]:
    return and_(leases.c.holder == name, leases.c.name.startswith(_PREFIX, autoescape=True))


_ALIVE: Final = select(replicas).where(replicas.c.expires_at > bindparam("now"))
_RENEW: Final = (
    update(leases)
    .where(_held_by(bindparam("own")), leases.c.expires_at > bindparam("now"))
    .values(expires_at=bindparam("until"))
)


def _roster(connection: Connection, now: datetime) -> Roster:
    alive = connection.execute(_ALIVE, {"now": now}).mappings().all()
    assigned = connection.execute(_ASSIGNED).mappings().all()
    return Roster(
        now,
        {row["name"]: Replica(row["name"], row["since"], row["expires_at"], frozenset(row["serves"])) for row in alive},
        {row["name"].removeprefix(_PREFIX): Assigned(row["holder"], row["expires_at"]) for row in assigned},
    )


def _told(connection: Connection, names: Iterable[str]) -> frozenset[str]:
    """The organisations of these leases; all readers are told that somebody else looks after them."""
    organizations = frozenset(name.removeprefix(_PREFIX) for name in names)
    if organizations:
        touch_all(connection, sorted(organizations), LiveTopic.ASSIGNMENT)
    return organizations
