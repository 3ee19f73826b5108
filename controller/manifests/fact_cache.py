"""Keeps facts about flow files in the user's cache folder, in one SQLite file that may be deleted at any moment.

Only a file that no other user can write is read. Whatever fails here (a full disk, a lock, a broken file) costs the
time of reading flow files again, and nothing else.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import time
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

import structlog

from controller.manifests.source_facts import FactCache, NoCache

log = structlog.get_logger()

_FILE = "facts-1.sqlite"
"""Another layout gets another name."""
_CHECK_BYTES = 16
_DAY_S = 86_400
_WAIT_S = 1.0
_FIRST_AHEAD, _MOST_AHEAD = 4, 512
"""Rows that one query reads: those put after the asked one, which a load asks for in the same order."""
_KEPT_SHARE = 0.75
"""Share of the limit that is kept when it is exceeded."""
_OURS_ALONE = 0o700
_WRITABLE_BY_OTHERS = 0o022
_ROWS = """
    SELECT key, CAST(body AS BLOB), used FROM facts
    WHERE rowid >= (SELECT rowid FROM facts WHERE key = ?) ORDER BY rowid LIMIT ?
"""
_SCHEMA = "CREATE TABLE IF NOT EXISTS facts (key BLOB PRIMARY KEY, body BLOB, used INTEGER)"


@contextlib.contextmanager
def fact_cache(folder: Path, most_bytes: int) -> Iterator[FactCache]:
    """The cache in a folder while it is used by one thread; one that keeps nothing where the folder cannot be used."""
    kept = _opened(folder, most_bytes) if most_bytes > 0 else None
    if kept is None:
        yield NoCache()
        return
    try:
        yield kept
    finally:
        kept.close()


def _opened(folder: Path, most_bytes: int) -> SqliteFacts | None:
    try:
        return SqliteFacts(_private(folder) / _FILE, most_bytes)
    except PermissionError as error:
        log.warning("cache.refused", folder=str(folder), reason=str(error))
    except (OSError, sqlite3.Error) as error:
        log.debug("cache.closed", folder=str(folder), reason=str(error))
    return None


def _private(folder: Path) -> Path:
    """Our own folder inside the cache folder; what others could have written there is removed.

    Raises PermissionError for a folder or a file that is not ours, and OSError.
    """
    inner = folder / "facts"
    inner.mkdir(mode=_OURS_ALONE, parents=True, exist_ok=True)
    open_to_others = _is_open(inner)
    inner.chmod(_OURS_ALONE)
    file = inner / _FILE
    with contextlib.suppress(FileNotFoundError):
        if _is_open(file) or open_to_others:
            _remove(file)
    return inner


def _is_open(path: Path) -> bool:
    """Whether others can write at a path. Raises PermissionError where it is not ours, and FileNotFoundError."""
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode) or found.st_uid != os.geteuid():
        raise PermissionError(f"{path} is a link, or belongs to another user")
    return bool(found.st_mode & _WRITABLE_BY_OTHERS)


class SqliteFacts:
    """The facts in one file. Added facts are written when the cache is closed."""

    def __init__(self, path: Path, most_bytes: int) -> None:
        self._path = path
        self._most_bytes = most_bytes
        self._today = int(time.time() // _DAY_S)
        self._new: dict[bytes, bytes] = {}
        self._used: list[bytes] = []
        self._ahead: dict[bytes, tuple[object, object]] = {}
        self._fetched = 0
        self._connection: sqlite3.Connection | None = _connected(path)
        self._empty: bool | None = None
        """Whether the file held nothing when it was first asked."""

    def get(self, key: bytes) -> bytes | None:
        """The fact under this key, unchanged; None without one."""
        row = self._row(key)
        if row is None or not isinstance(row[0], bytes) or row[0][:_CHECK_BYTES] != _check(key, row[0][_CHECK_BYTES:]):
            return None
        if row[1] != self._today:
            self._used.append(key)
        return row[0][_CHECK_BYTES:]

    def put(self, key: bytes, body: bytes) -> None:
        """Keep this from the end on."""
        self._new[key] = _check(key, body) + body

    def close(self) -> None:
        """Write the new facts, drop those that were not used for longest, and close the file."""
        if self._connection is None:
            return
        try:
            if self._new or self._used:
                self._write(self._connection)
        except sqlite3.Error as error:
            self._fail(error)
        finally:
            if self._connection is not None:
                self._connection.close()

    def _row(self, key: bytes) -> tuple[object, object] | None:
        found = self._ahead.pop(key, None)
        return found if found is not None or self._empty else self._asked(key)

    def _asked(self, key: bytes) -> tuple[object, object] | None:
        if self._connection is None:
            return None
        used_up = 2 * len(self._ahead) <= self._fetched
        limit = min(max(_FIRST_AHEAD, 2 * self._fetched), _MOST_AHEAD) if used_up else _FIRST_AHEAD
        try:
            if self._empty is None:
                self._empty = self._connection.execute("SELECT 1 FROM facts LIMIT 1").fetchone() is None
            rows = [] if self._empty else self._connection.execute(_ROWS, (key, limit)).fetchall()
        except sqlite3.Error as error:
            self._fail(error)
            return None
        if rows:
            self._ahead = {each: (body, used) for each, body, used in rows}
            self._fetched = len(rows)
        return self._ahead.pop(key, None)

    def _write(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        rows = ((key, body, self._today) for key, body in self._new.items())
        connection.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?, ?)", rows)
        used = ((self._today, key) for key in self._used if key not in self._new)
        connection.executemany("UPDATE facts SET used = ? WHERE key = ?", used)
        held, count = connection.execute("SELECT coalesce(sum(length(body)), 0), count(*) FROM facts").fetchone()
        if held > self._most_bytes:
            surplus = count - int(count * self._most_bytes * _KEPT_SHARE / held)
            connection.execute(
                "DELETE FROM facts WHERE key IN (SELECT key FROM facts ORDER BY used LIMIT ?)", (surplus,)
            )
        connection.execute("COMMIT")
        connection.execute("PRAGMA incremental_vacuum")

    def _fail(self, error: sqlite3.Error) -> None:
        """Use the file no more; remove it where it is broken."""
        log.debug("cache.failed", file=str(self._path), reason=str(error))
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
            _remove(self._path)


def _connected(path: Path) -> sqlite3.Connection:
    """An open file with its table; a broken file is replaced. Raises sqlite3.Error."""
    try:
        return _prepared(path)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        _remove(path)
        return _prepared(path)


def _prepared(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None)
    try:
        connection.execute("PRAGMA trusted_schema = OFF")
        # It has no effect on a file that has a table already.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute(_SCHEMA)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _remove(path: Path) -> None:
    """Remove the file, and what a transaction may have left beside it."""
    for each in (path, path.with_name(f"{path.name}-journal")):
        with contextlib.suppress(OSError):
            each.unlink()


def _check(key: bytes, body: bytes) -> bytes:
    """Tells a body that was changed, or that belongs to another key."""
    return blake2b(body, digest_size=_CHECK_BYTES, key=key).digest()
