"""Stores that have their schema already: to run all migrations takes as long as many a whole test."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from controller.domain.clock import SystemClock
from controller.store.store import Store


def prepare(path: Path) -> None:
    """Put a new, empty SQLite store there; what is there already stays."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_bytes(_migrated())


@cache
def _migrated() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        Store.open(f"sqlite:///{path}", clock=SystemClock()).close()
        return path.read_bytes()
