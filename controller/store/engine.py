"""Engines for SQLite and PostgreSQL, set up so that a commit is on disk and no statement waits without a limit."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import quote

from sqlalchemy import Connection, Engine, event
from sqlalchemy import create_engine as sqlalchemy_engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.util import LRUCache

from controller.domain.errors.process import SettingsInvalid, StoreFailed
from controller.domain.redaction import SECRETS

BUSY_TIMEOUT_MS: Final = 5_000
STATEMENT_TIMEOUT_MS: Final = 5_000
IDLE_IN_TRANSACTION_TIMEOUT_MS: Final = 5_000
"""A controller that is stopped in the middle of a transaction holds the lease's row no longer than this."""
CONNECT_TIMEOUT_S: Final = 5
_LIMITS: Final[dict[str, object]] = {
    "statement_timeout": STATEMENT_TIMEOUT_MS,
    "lock_timeout": STATEMENT_TIMEOUT_MS,
    "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_TIMEOUT_MS,
}
"""PostgreSQL's, in milliseconds."""
# Not NORMAL: in WAL mode that may lose the last commits at a power cut, so a call could outlive its intent.
_PRAGMAS: Final = (f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}", "PRAGMA synchronous=FULL", "PRAGMA foreign_keys=ON")
_WAL_PAUSE_S: Final = 0.05
_OWNER_ONLY: Final = 0o600
_READ_ONLY: Final = "penstock_read_only"
"""Execution option of an engine whose store is only read."""
_MOST_STATEMENTS: Final = 1_000
WHERE_THE_STORE_IS: Final = "set PENSTOCK_STORE to the URL of the controller's store"
"""The hint where there is no store."""


class _CompiledStatements(LRUCache[tuple[Any, ...], Any]):
    """Statements are compiled once in a process, whichever store they are for: a key begins with its store's dialect.

    SQLAlchemy does so for each engine. Dialects of one database release compile a statement to the same text.
    """

    def get(self, key: tuple[Any, ...], default: Any = None) -> Any:
        return super().get(self._for_any_engine(key), default)

    def __setitem__(self, key: tuple[Any, ...], compiled: Any) -> None:
        super().__setitem__(self._for_any_engine(key), compiled)

    @staticmethod
    def _for_any_engine(key: tuple[Any, ...]) -> tuple[Any, ...]:
        dialect, *rest = key
        return (dialect.name, dialect.driver, dialect.server_version_info, *rest)


_COMPILED: Final = _CompiledStatements(_MOST_STATEMENTS)


def create_engine(url: str, *, read_only: bool = False) -> Engine:
    """An engine for an SQLAlchemy URL; nothing is connected yet. A `read_only` one makes and changes nothing.

    Raises SettingsInvalid for a URL that is neither SQLite's nor PostgreSQL's, and StoreFailed where SQLite's folder
    cannot be made, or where a file that is only read does not exist.
    """
    try:
        # Hosts of databases hand out postgres://, which SQLAlchemy does not accept.
        parsed = make_url(url.replace("postgres://", "postgresql://", 1))
        engine = _engine(parsed, read_only=read_only)
    except (ArgumentError, ValueError, TypeError) as error:
        raise SettingsInvalid(
            "the store's URL cannot be read", hint="for example sqlite:////var/lib/penstock/penstock.db"
        ) from error
    engine.update_execution_options(compiled_cache=_COMPILED)
    return engine


def _engine(url: URL, *, read_only: bool) -> Engine:
    for secret in (url.password, *(value for key, value in _query(url) if "passw" in key.lower())):
        SECRETS.register(secret or "")
    parsed = _with_driver(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite_to_read(parsed) if read_only else _sqlite(parsed)
    return _postgresql(parsed, read_only=read_only)


def _postgresql(parsed: URL, *, read_only: bool) -> Engine:
    from controller.store.postgres import BoundedConnection  # the driver takes long, and most stores are SQLite

    limits = _LIMITS | ({"default_transaction_read_only": "on"} if read_only else {})
    engine = sqlalchemy_engine(
        parsed,
        hide_parameters=True,
        # A server that was restarted leaves dead connections in the pool.
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_S,
            "options": " ".join(f"-c {name}={value}" for name, value in limits.items()),
        },
    )

    def connect(_dialect: object, _record: object, words: list[Any], named: dict[str, Any]) -> BoundedConnection:
        return BoundedConnection.connect(*words, **named)

    event.listen(engine, "do_connect", connect)
    return engine


def _with_driver(parsed: URL) -> URL:
    backend = parsed.get_backend_name()
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if backend == "sqlite":
        return parsed.set(drivername="sqlite")
    raise SettingsInvalid(f"the store cannot be kept in {backend}", hint="use an sqlite: or a postgresql: URL")


def shown_url(url: URL) -> str:
    """Where a store is, for messages: driver, host and database, and nothing that could be a secret."""
    port = f":{url.port}" if url.port else ""
    return f"{url.drivername}://{url.host or ''}{port}/{url.database or ''}"


def _query(url: URL) -> Iterator[tuple[str, str]]:
    for key, values in url.query.items():
        yield from ((key, value) for value in ([values] if isinstance(values, str) else values))


def _sqlite(url: URL) -> Engine:
    if url.database and url.database != ":memory:" and not url.database.startswith("file:"):
        _make_folder(Path(url.database).parent)
        _keep_private(Path(url.database))
    engine = sqlalchemy_engine(url, hide_parameters=True)
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _sqlite_to_read(url: URL) -> Engine:
    """SQLite opens the file with `mode=ro`, so it neither makes it nor changes anything in it."""
    file = Path(url.database or "")
    if not file.is_file():
        raise StoreFailed(f"there is no store in {shown_url(url)}", hint=WHERE_THE_STORE_IS)
    named = url.set(database=f"file:{quote(str(file.absolute()))}", query={"mode": "ro", "uri": "true"})
    engine = sqlalchemy_engine(named, hide_parameters=True)
    event.listen(engine, "connect", _prepare_to_read)
    return engine.execution_options(**{_READ_ONLY: True})


def _prepare_to_read(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StoreFailed(
            f"the store's folder {folder} cannot be made: {error.strerror}", hint="set PENSTOCK_STORE to another place"
        ) from error


def _keep_private(file: Path) -> None:
    """Make the file for its owner alone, under any umask; SQLite gives its mode to the files beside it.

    Of a file that is there already, others lose their rights and a group keeps its own. What cannot be opened or
    changed is left to SQLite, which says why.
    """
    with contextlib.suppress(OSError):
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _OWNER_ONLY)
        os.fchmod(descriptor, _OWNER_ONLY)
        os.close(descriptor)
        return
    for each in (file, *(file.with_name(f"{file.name}{suffix}") for suffix in ("-wal", "-shm"))):
        with contextlib.suppress(OSError):
            each.chmod(stat.S_IMODE(each.stat().st_mode) & ~stat.S_IRWXO)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver would otherwise begin transactions of its own, and too late
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(pragma)
    _write_ahead(cursor)
    cursor.close()


def _write_ahead(cursor: sqlite3.Cursor) -> None:
    """Switch the file to WAL, which lasts; on meeting another process at that, try again.

    SQLite waits for everything else, but not for who writes while the file is switched.
    """
    give_up_at_s = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= give_up_at_s:
                raise
            time.sleep(_WAL_PAUSE_S)
        else:
            return


def begin(connection: Connection, *, read_only: bool = False) -> None:
    """Begin a transaction of SQLite; PostgreSQL's begins with its first statement. Raises the driver's errors.

    One that may write takes the write lock at once: a lease that was read must not change before the write that it
    allows.
    """
    if connection.dialect.name != "sqlite":
        return
    only_read = read_only or _READ_ONLY in connection.get_execution_options()
    # By the driver itself. With a listener for it SQLAlchemy would prepare events for each statement: a third of the
    # work of a short transaction.
    driver = cast("sqlite3.Connection", connection.connection.driver_connection)
    driver.execute("BEGIN" if only_read else "BEGIN IMMEDIATE")
