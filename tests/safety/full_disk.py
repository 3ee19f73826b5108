"""Disks that are full: SQLite's own limit of pages, and a limit of file sizes around the real git."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import event, text

from controller.store.store import Store

_TABLES = ("writes", "steps", "syncs", "audit", "leases", "facts")
_LARGE = 200_000
"""Bytes that each write needs besides its own."""


class FullStore:
    """From `fill` to `make_room` there is no page left for anything that is written to this SQLite database."""

    def __init__(self, store: Store) -> None:
        self._engine = store.database._engine
        self.full = False

    def fill(self) -> None:
        with self._engine.begin() as connection:
            connection.execute(text("CREATE TABLE filler (data BLOB)"))
            for table in _TABLES:
                for deed in ("INSERT", "UPDATE"):
                    grow = f"INSERT INTO filler VALUES (zeroblob({_LARGE}))"  # noqa: S608 - a number of ours
                    trigger = f"CREATE TRIGGER full_{deed}_{table} BEFORE {deed} ON {table} BEGIN {grow}; END"
                    connection.execute(text(trigger))
        event.listen(self._engine, "checkout", _no_more_pages)
        self.full = True

    def make_room(self) -> None:
        event.remove(self._engine, "checkout", _no_more_pages)
        with self._engine.begin() as connection:
            connection.execute(text("PRAGMA max_page_count=1000000"))
            for table in _TABLES:
                for deed in ("INSERT", "UPDATE"):
                    connection.execute(text(f"DROP TRIGGER full_{deed}_{table}"))
            connection.execute(text("DROP TABLE filler"))


def _no_more_pages(connection: Any, *_rest: object) -> None:
    """The limit belongs to a connection; it is never below what is used already."""
    connection.execute("PRAGMA max_page_count=1")


@contextmanager
def git_without_room(folder: Path, path: str) -> Iterator[str]:
    """A PATH on which git, the real one, can write no file."""
    real = shutil.which("git", path=path)
    wrapper = folder / "without-room" / "git"
    wrapper.parent.mkdir()
    wrapper.write_text(f"#!/bin/sh\ntrap '' 25\nulimit -f 0\nexec {real} \"$@\"\n")
    wrapper.chmod(0o755)
    yield f"{wrapper.parent}:{path}"
