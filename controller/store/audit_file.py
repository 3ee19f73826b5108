"""Copies of the audit log as JSON lines: a file a day, old files removed; or a stream, such as standard output."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final, Protocol, TextIO

from controller.domain.errors import StoreFailed

KEEP_DAYS: Final = 90
_PREFIX: Final = "audit-"
_SUFFIX: Final = ".jsonl"


class AuditCopy(Protocol):
    """A place where entries are written in addition to the store."""

    def append(self, entry: Mapping[str, object], at: datetime) -> None:
        """Add one entry. Raises StoreFailed when it cannot be written."""
        ...

    def purge(self, before: datetime) -> None:
        """Remove older files, as far as possible. Raises OSError."""
        ...


class AuditFile:
    """A folder of `audit-YYYY-MM-DD.jsonl`, days counted in UTC. A new day removes files older than `keep_days`."""

    def __init__(self, folder: Path, keep_days: int = KEEP_DAYS) -> None:
        self._folder = folder
        self._keep = timedelta(days=keep_days)

    def append(self, entry: Mapping[str, object], at: datetime) -> None:
        """Add one line to the day's file. Raises StoreFailed when it cannot be written."""
        path = self._folder / f"{_PREFIX}{at.date().isoformat()}{_SUFFIX}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            new_day = not path.exists()
            with path.open("a", encoding="utf-8") as file:
                file.write(_line(entry))
            if new_day:
                self.purge(at - self._keep)
        except OSError as error:
            raise StoreFailed(
                f"the audit file in {self._folder} cannot be written: {error.strerror}",
                hint="free some space or make the folder writable",
            ) from error

    def purge(self, before: datetime) -> None:
        """Remove the files of days that ended before. Raises OSError."""
        for path in self._folder.glob(f"{_PREFIX}*{_SUFFIX}"):
            if _day(path) < before.date():
                path.unlink(missing_ok=True)


class AuditStream:
    """A stream that another program collects and keeps, such as the standard output of a container."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def append(self, entry: Mapping[str, object], at: datetime) -> None:  # noqa: ARG002 - the entry has its time
        """Add one line. Raises StoreFailed when the stream is closed."""
        try:
            self._stream.write(_line(entry))
            self._stream.flush()
        except (OSError, ValueError) as error:
            raise StoreFailed(f"the audit entry cannot be written to the stream: {error}") from error

    def purge(self, before: datetime) -> None:
        """Nothing is kept here."""


def _line(entry: Mapping[str, object]) -> str:
    return json.dumps(entry, ensure_ascii=False, sort_keys=True, default=str) + "\n"


def _day(path: Path) -> date:
    try:
        return date.fromisoformat(path.name.removeprefix(_PREFIX).removesuffix(_SUFFIX))
    except ValueError:
        return date.max
