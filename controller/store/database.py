"""Migrations and transactions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, Executable, Insert, RowMapping, Table, func, inspect, select, text
from sqlalchemy.dialects import sqlite

from controller.domain.clock import Clock, SystemClock
from controller.domain.errors.process import StoreFailed
from controller.domain.lease_times import usual_lease_s
from controller.store.engine import WHERE_THE_STORE_IS, begin, create_engine, shown_url
from controller.store.faults import Outage, ended_for_another, mapped

MIGRATIONS: Final = Path(__file__).parent / "migrations"
HEAD: Final = "0013"
"""The newest migration."""
_ADVISORY_LOCK: Final = 0x70656E73
"""PostgreSQL's advisory lock of the migration: "pens" in ASCII."""
SAME_TIME = timedelta(milliseconds=500)
"""Clocks that differ less count as equal: an answer takes a while."""
StoreObserver = Callable[[str, float, bool], None]
"""Called after each transaction: `read` or `write`, the seconds that it took, and whether the store failed it."""
T = TypeVar("T")
_TRIES: Final = 5
"""How often such a transaction is run."""


class Database:
    """One engine. Every method may raise StoreFailed."""

    def __init__(self, engine: Engine, machine: Clock | None = None) -> None:
        """`machine` is this machine's clock; the server's may differ."""
        self._engine = engine
        self._machine = machine or SystemClock()
        self.observer: StoreObserver | None = None
        self.fault: str | None = None
        """Why the store cannot be read; None once it answered again."""
        self._outage = Outage(engine)
        self.lease_ttl_s = usual_lease_s(server=self.is_server)
        """Seconds of silence after which a controller counts as dead; the operator's, where they set them."""
        self._joined: ContextVar[Connection | None] = ContextVar("joined", default=None)
        self._later: ContextVar[list[Callable[[], None]] | None] = ContextVar("later", default=None)

    @classmethod
    def open(cls, url: str, machine: Clock | None = None) -> Database:
        """Connect and bring the schema up to date."""
        engine = create_engine(url)
        try:
            with mapped(engine), engine.begin() as connection:
                begin(connection)
                _migrate(connection)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, machine)

    @classmethod
    def open_to_read(cls, url: str) -> Database:
        """Connect to a store that is there, without writing to it; its schema must be that of this version.

        Raises StoreFailed where there is none, and where it has another schema.
        """
        engine = create_engine(url, read_only=True)
        try:
            with mapped(engine), engine.connect() as connection:
                begin(connection, read_only=True)
                _require_current(connection)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine)

    @property
    def place(self) -> str:
        """Where it is, for messages."""
        return shown_url(self._engine.url)

    @property
    def is_server(self) -> bool:
        """Whether a server keeps it, which processes of several machines may share."""
        return self._engine.dialect.name == "postgresql"

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction that may write: committed at the end, rolled back on any exception."""
        if (joined := self._joined.get()) is not None:
            yield joined
            return
        with self._observed("write"), self._engine.begin() as connection:
            begin(connection)
            yield connection

    def write_again(self, work: Callable[[Connection], T]) -> T:
        """The result of work in one transaction; run again where the database ended it in favour of another one.

        Within `together()` it is run once, because only the whole could be run again.
        """
        if self._joined.get() is None:
            for _ in range(_TRIES - 1):
                try:
                    with self.write() as connection:
                        return work(connection)
                except StoreFailed as error:
                    if not ended_for_another(error):
                        raise
        with self.write() as connection:
            return work(connection)

    @contextmanager
    def together(self) -> Iterator[None]:
        """All writes within are one transaction: either all of them are kept or none. Nothing may be awaited within."""
        if self._joined.get() is not None:
            yield
            return
        later: list[Callable[[], None]] = []
        with self.write() as connection:
            tokens = self._joined.set(connection), self._later.set(later)
            try:
                yield
            finally:
                self._joined.reset(tokens[0])
                self._later.reset(tokens[1])
        for action in later:
            action()

    def after_commit(self, action: Callable[[], None]) -> None:
        """Do it once the surrounding `together()` is committed, and not at all where it is rolled back; else now."""
        later = self._later.get()
        if later is None:
            action()
        else:
            later.append(action)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One transaction that sees one state and takes no write lock; within `together()`, that one."""
        if (joined := self._joined.get()) is not None:
            yield joined
            return
        with self._observed("read"), self._engine.connect() as connection:
            begin(connection, read_only=True)
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """One transaction for reading, in which all queries see the same moment, however long they take."""
        with self.read() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
                connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
                connection.execute(text("SET LOCAL statement_timeout = 0"))
            yield connection

    @contextmanager
    def _observed(self, kind: str) -> Iterator[None]:
        began_s, failed = self._machine.monotonic(), False
        try:
            with mapped(self._engine):
                self._outage.refuse()
                yield
            self.fault = None
        except StoreFailed as error:
            failed = not ended_for_another(error)
            if kind == "read":
                self.fault = error.message
            raise
        finally:
            if self.observer is not None:
                self.observer(kind, self._machine.monotonic() - began_s, failed)

    def common_time(self, connection: Connection, clock: Clock) -> datetime:
        """The time of all processes that share the store: the clock's, corrected by the server's where there is one.

        Machines with different clocks would otherwise take each other's leases too early.
        """
        if connection.dialect.name != "postgresql":
            return clock.now()
        there: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
        ahead = there - self._machine.now()
        return clock.now() + ahead if abs(ahead) > SAME_TIME else clock.now()

    def close(self) -> None:
        self._outage.close()
        self._engine.dispose()


class StorePart:
    """A part of the store, with the clock that dates its rows. Every method may raise StoreFailed."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def _rows(self, query: Executable, **named: object) -> Sequence[RowMapping]:
        """All that a query finds; no write lock is taken."""
        with self._database.read() as connection:
            return connection.execute(query, named).mappings().all()

    def _value(self, query: Executable, **named: object) -> Any:
        """The one value that a query finds, or None; no write lock is taken."""
        with self._database.read() as connection:
            return connection.execute(query, named).scalar_one_or_none()

    def _write(self, statement: Executable) -> int:
        """Run a statement in a transaction of its own; returns how many rows it changed."""
        with self._database.write() as connection:
            return connection.execute(statement).rowcount

    def _insert_once(self, table: Table, **values: object) -> None:
        """Insert a row, dated now, unless one with the same key is there."""
        with self._database.write() as connection:
            insert_if_absent(connection, table, values | {"at": self._clock.now()})


def insert_if_absent(connection: Connection, table: Table, values: dict[str, object]) -> bool:
    """Whether a row was inserted, because none with the same key is there; safe when two processes do it at once."""
    inserting = _unless_there(table, connection.dialect.name)
    # Without the option the number is that of SQLite alone.
    return connection.execute(inserting, values, execution_options={"preserve_rowcount": True}).rowcount > 0


def insert_or_update(connection: Connection, table: Table, values: Mapping[str, object]) -> None:
    """Insert a row, or give the row with the same primary key these values; safe when two processes do it at once."""
    connection.execute(_over_what_is_there(table, tuple(values), connection.dialect.name), dict(values))


# Built once for each table: to put such a statement together takes longer than to run it.


@cache
def _unless_there(table: Table, dialect: str) -> Insert:
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql  # takes long, and most stores are SQLite

        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()


@cache
def _over_what_is_there(table: Table, columns: tuple[str, ...], dialect: str) -> Insert:
    key = [column.name for column in table.primary_key]
    others = [name for name in columns if name not in key]
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql  # takes long, and most stores are SQLite

        there = postgresql.insert(table)
        return there.on_conflict_do_update(index_elements=key, set_={name: there.excluded[name] for name in others})
    here = sqlite.insert(table)
    return here.on_conflict_do_update(index_elements=key, set_={name: here.excluded[name] for name in others})


def _migrate(connection: Connection) -> None:
    """Run the missing migrations inside the connection's transaction, one process at a time.

    Raises StoreFailed where a version wrote it that is newer than this one.
    """
    if _is_current(connection):
        return
    # Imported here: most openings find nothing to do, and the library takes as long to load as all the rest.
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    # alembic reads its options with ConfigParser, to which % begins a reference.
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    try:
        with _alone(connection):
            command.upgrade(config, "head")
    except CommandError as error:
        raise StoreFailed(
            f"the store {shown_url(connection.engine.url)} has a schema that this version does not know: {error}",
            hint="run the version of penstock that wrote it, or a newer one",
        ) from error


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """Migrate in no other process meanwhile, and as long as it takes."""
    if connection.dialect.name != "postgresql":
        yield
        return
    from controller.store.postgres import without_limit  # the driver takes long, and most stores are SQLite

    # It ends with the transaction, also when this process dies in it.
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    # A migration reads and indexes the whole history, and nobody waits for it but those who need it.
    connection.execute(text("SET LOCAL statement_timeout = 0"))
    with without_limit(connection):
        yield


def _is_current(connection: Connection) -> bool:
    if not inspect(connection).has_table("alembic_version"):
        return False
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [HEAD]


def _require_current(connection: Connection) -> None:
    """Raise StoreFailed unless the connection leads to a store of this version."""
    if _is_current(connection):
        return
    where = shown_url(connection.engine.url)
    if not inspect(connection).has_table("alembic_version"):
        raise StoreFailed(f"there is no store in {where}", hint=WHERE_THE_STORE_IS)
    raise StoreFailed(
        f"the store {where} has the schema of another version, and it is only read here",
        hint="`penstock status` of this version brings an older one up to date; for a newer one use that version",
    )
