"""The audit log as files: JSON lines, one file a day, old files removed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Final

from controller.domain.errors import StoreFailed

_PREFIX: Final = "audit-"
_SUFFIX: Final = ".jsonl"


class AuditFile:
    """A folder of `audit-YYYY-MM-DD.jsonl`, days counted in UTC."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def append(self, entry: Mapping[str, object], at: datetime) -> None:
        """Add one line to the day's file. Raises StoreFailed when it cannot be written."""
        line = json.dumps(entry, ensure_ascii=False, sort_keys=True, default=str)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with self._path(at.date()).open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as error:
            raise StoreFailed(
                f"the audit file in {self._folder} cannot be written: {error.strerror}",
                hint="free some space or make the folder writable",
            ) from error

    def purge(self, before: datetime) -> list[Path]:
        """Remove the files of days that ended before; returns what went."""
        gone = [path for path in self._folder.glob(f"{_PREFIX}*{_SUFFIX}") if _day(path) < before.date()]
        for path in gone:
            path.unlink(missing_ok=True)
        return gone

    def _path(self, day: date) -> Path:
        return self._folder / f"{_PREFIX}{day.isoformat()}{_SUFFIX}"


def _day(path: Path) -> date:
    try:
        return date.fromisoformat(path.name.removeprefix(_PREFIX).removesuffix(_SUFFIX))
    except ValueError:
        return date.max
