"""Leases: one controller at a time changes an organisation; one that lost the right finds out before it writes.

Each acquisition gets a number that only grows (a fence). An expired holder that is still running proves an old number
at its next write and is refused, even when its clock is wrong. Where a server keeps the store, all go by its clock.
Source: Gray and Cheriton, "Leases" (1989); fencing tokens as Kleppmann describes them (2016).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, RowMapping, Select, bindparam, select, update

from controller.domain.clock import Clock
from controller.domain.errors.delivery import LeaseHeld, LeaseLost
from controller.store.database import Database, StorePart, insert_if_absent
from controller.store.schema import leases


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to change an organisation, by its `name`, until it expires, is renewed or released."""

    name: str
    holder: str
    fence: int
    expires_at: datetime
    manifest: str = ""
    """The organisation's name in the manifest that it is held for."""
    undisturbed: bool = field(default=False, compare=False)
    """Whether no other holder has written meanwhile: this one had it last, for the same manifest, or nobody ever."""

    def __str__(self) -> str:
        return self.manifest or self.name


class Leases(StorePart):
    """All leases. The holder's name should tell a person which process it is.

    One lasts `ttl_s` seconds; the time that is usual for the store when left out.
    """

    def acquire(self, name: str, holder: str, *, manifest: str = "", ttl_s: float | None = None) -> Lease:
        """Take the lease when it is free or expired, or when this holder's earlier run for the manifest left it behind.

        Raises LeaseHeld, naming the holder and its manifest, while another one has it, or this one for another
        manifest.
        """
        with self._database.write() as connection:
            now = self._now(connection)
            insert_free(connection, name, now)
            row = _row(connection, _HELD, name)
            if row["expires_at"] > now and (row["holder"], row["manifest"]) != (holder, manifest):
                raise _held(row, manifest, now)
            undisturbed = row["fence"] == 0 or (row["holder"], row["manifest"]) == (holder, manifest)
            lease = Lease(name, holder, int(row["fence"]) + 1, self._end(now, ttl_s), manifest, undisturbed)
            values = {column: value for column, value in asdict(lease).items() if column in leases.c}
            connection.execute(_CHANGE, values | {"lease": name})
        return lease

    def renew(self, lease: Lease, *, ttl_s: float | None = None) -> Lease:
        """The same lease with a later end. Raises LeaseLost when it expired or another holder took it."""
        with self._database.write() as connection:
            now = prove(self._database, connection, lease, self._clock)
            renewed = replace(lease, expires_at=self._end(now, ttl_s))
            connection.execute(_CHANGE, {"lease": lease.name, "expires_at": renewed.expires_at})
        return renewed

    def require(self, lease: Lease) -> None:
        """Raises LeaseLost when it expired or another holder took it."""
        with self._database.read() as connection:
            _require_held(_row(connection, _LEASE, lease.name), lease, self._now(connection))

    def release(self, lease: Lease) -> None:
        """Release the lease; a no-op when it is not ours any more."""
        # The row stays: its fence has to grow from holder to holder.
        with self._database.write() as connection:
            own = {"lease": lease.name, "its_holder": lease.holder, "its_fence": lease.fence}
            connection.execute(_RELEASE, own | {"expires_at": self._now(connection)})

    def holder(self, name: str) -> Lease | None:
        """The present holder of the lease."""
        with self._database.read() as connection:
            row = connection.execute(_LEASE, {"name": name}).mappings().one_or_none()
            now = self._now(connection)
        if row is None or row["expires_at"] <= now:
            return None
        return Lease(**row)

    def _end(self, now: datetime, ttl_s: float | None) -> datetime:
        return now + timedelta(seconds=self._database.lease_ttl_s if ttl_s is None else ttl_s)

    def _now(self, connection: Connection) -> datetime:
        return self._database.common_time(connection, self._clock)


def insert_free(connection: Connection, name: str, now: datetime) -> None:
    """Have a row to lock for the lease, free where it is new: two processes may ask for a new lease at once."""
    free = {"name": name, "holder": "", "fence": 0, "expires_at": now, "manifest": ""}
    insert_if_absent(connection, leases, free)


def prove(database: Database, connection: Connection, lease: Lease, clock: Clock) -> datetime:
    """Hold the lease's row until the transaction ends, or raise LeaseLost. Returns the time by which it is held.

    All that the same transaction writes is written by the holder, or not at all.
    """
    row = _row(connection, _HELD, lease.name)
    # Only once the row is locked: waiting for the lock may take longer than the lease lasts.
    now = database.common_time(connection, clock)
    _require_held(row, lease, now)
    return now


def _require_held(row: RowMapping, lease: Lease, now: datetime) -> None:
    if row["fence"] == lease.fence and row["holder"] == lease.holder and row["expires_at"] > now:
        return
    why = (
        f"it expired at {row['expires_at']:%H:%M:%S} UTC"
        if row["fence"] == lease.fence
        else f"{row['holder']} took it over"
    )
    raise LeaseLost(
        f"{lease}: {lease.holder} no longer holds the lease ({why}); nothing more is written",
        hint="the controller that holds it now resumes from the journal",
    )


# Built once: every write to the journal proves the lease first.
_LEASE: Final = select(leases).where(leases.c.name == bindparam("name"))
_HELD: Final = _LEASE.with_for_update()
"""No other process can take it until the transaction ends."""
_CHANGE: Final = update(leases).where(leases.c.name == bindparam("lease"))
_RELEASE: Final = _CHANGE.where(leases.c.holder == bindparam("its_holder"), leases.c.fence == bindparam("its_fence"))


def _row(connection: Connection, query: Select[tuple[object, ...]], name: str) -> RowMapping:
    row = connection.execute(query, {"name": name}).mappings().one_or_none()
    if row is None:
        raise LeaseLost("there is no such lease", hint="acquire it first")
    return row


def _held(row: RowMapping, manifest: str, now: datetime) -> LeaseHeld:
    left_s = max((row["expires_at"] - now).total_seconds(), 0.0)
    other = f", the same organisation, for the manifest {row['manifest']}" if row["manifest"] != manifest else ""
    return LeaseHeld(
        f"{manifest or row['name']}: {row['holder']} is at work on it{other}; "
        f"its lease ends in {left_s:.0f} s unless it is renewed",
        retry_after_s=left_s,
        hint="wait for it, or stop it there: Ctrl-C or SIGTERM parks a bake or a stage, which can then be resumed "
        "or rolled back from here; the lease of a dead process expires",
    )
