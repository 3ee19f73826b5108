"""Copies of the audit log as JSON lines: a file a day, old files removed; or a stream, such as standard output."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Protocol, TextIO

from controller.domain.errors.process import StoreFailed

KEEP_DAYS: Final = 90
_PREFIX: Final = "audit-"
_SUFFIX: Final = ".jsonl"
_OURS_READ: Final = 0o644
_LOOK_BACK: Final = 64 * 1024
"""Bytes before the end in which a line of another process may be that belongs after ours."""


class AuditCopy(Protocol):
    """A place where entries are written in addition to the store."""

    @property
    def filed(self) -> bool:
        """Whether it keeps daily files, in which `penstock audit verify` then expects the entry."""
        ...

    def append(self, entry: Mapping[str, object], at: datetime) -> None:
        """Add one entry. Raises StoreFailed when it cannot be written."""
        ...

    def purge(self, before: datetime) -> None:
        """Remove older files, as far as possible. Raises OSError."""
        ...


class AuditFile:
    """A folder of `audit-YYYY-MM-DD.jsonl`, days counted in UTC. A new day removes files older than `keep_days`.

    Several processes may share it: the lines of an organisation are in the order of its chain.
    """

    filed = True

    def __init__(self, folder: Path, keep_days: int = KEEP_DAYS) -> None:
        self._folder = folder
        self._keep = timedelta(days=keep_days)
        self._left: tuple[Path, int, Mapping[str, object]] | None = None
        """The last file, its size when this process had written to it, and the entry."""

    def append(self, entry: Mapping[str, object], at: datetime) -> None:
        """Add one line to the day's file. Raises StoreFailed when it cannot be written."""
        path = self._folder / f"{_PREFIX}{at.date().isoformat()}{_SUFFIX}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            new_day = not path.exists()
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _OURS_READ)
            with os.fdopen(descriptor, "r+b", buffering=0) as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                size = file.seek(0, os.SEEK_END)
                start, after = (size, b"") if self._is_next(path, size, entry) else _place(descriptor, size, entry)
                line = line_of(entry)
                os.pwrite(descriptor, line + after, start)
                self._left = path, start + len(line) + len(after), {} if after else entry
            if new_day:
                self.purge(at - self._keep)
        except OSError as error:
            raise StoreFailed(
                f"the audit file in {self._folder} cannot be written: {error.strerror}",
                hint="free some space or make the folder writable",
            ) from error

    def _is_next(self, path: Path, size: int, entry: Mapping[str, object]) -> bool:
        """Whether the last line is this process's own, of the entry before this one in the same chain."""
        if self._left is None or self._left[:2] != (path, size):
            return False
        last = self._left[2]
        return last.get("digest") is not None and last["digest"] == entry.get("previous")

    def purge(self, before: datetime) -> None:
        """Remove the files of days that ended before. Raises OSError."""
        for path in daily_files(self._folder):
            if day_of(path) < before.date():
                path.unlink(missing_ok=True)


class AuditStream:
    """A stream that another program collects and keeps, such as the standard output of a container."""

    filed = False

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def append(self, entry: Mapping[str, object], at: datetime) -> None:  # noqa: ARG002 - the entry has its time
        """Add one line. Raises StoreFailed when the stream is closed."""
        try:
            self._stream.write(line_of(entry).decode())
            self._stream.flush()
        except (OSError, ValueError) as error:
            raise StoreFailed(f"the audit entry cannot be written to the stream: {error}") from error

    def purge(self, before: datetime) -> None:
        """Nothing is kept here."""


@dataclass(frozen=True, slots=True)
class FiledLine:
    """A line of a daily file."""

    file: Path
    number: int
    """From 1."""
    entry: Mapping[str, Any] | None
    """Its JSON; None where it is not exactly a line that `line_of` writes."""

    def __str__(self) -> str:
        return f"{self.file}:{self.number}"


def filed_lines(folder: Path) -> Iterator[FiledLine]:
    """The lines of a folder's daily files, in order. Raises StoreFailed for a file that cannot be read."""
    for path in daily_files(folder):
        try:
            with path.open("rb") as file:
                for number, line in enumerate(file, start=1):
                    yield FiledLine(path, number, _entry(line))
        except OSError as error:
            raise StoreFailed(f"the audit file {path} cannot be read: {error.strerror}") from error


def line_of(entry: Mapping[str, object]) -> bytes:
    """The line of an entry: JSON with sorted keys in UTF-8; a lone surrogate stays an escape."""
    return (json.dumps(entry, ensure_ascii=False, sort_keys=True, default=str) + "\n").encode("utf-8", _ESCAPED)


def daily_files(folder: Path) -> list[Path]:
    """The daily files of a folder, oldest first."""
    return sorted(path for path in folder.glob(f"{_PREFIX}*{_SUFFIX}") if day_of(path) != date.max)


def day_of(path: Path) -> date:
    """The day of a daily file; `date.max` for other files."""
    try:
        return date.fromisoformat(path.name.removeprefix(_PREFIX).removesuffix(_SUFFIX))
    except ValueError:
        return date.max


_ESCAPED: Final = "backslashreplace"


def _place(descriptor: int, size: int, entry: Mapping[str, object]) -> tuple[int, bytes]:
    """Where the line belongs, and the lines after it: entries are copied after their commits, in any order."""
    before = max(size - _LOOK_BACK, 0)
    tail = os.pread(descriptor, size - before, before)
    if tail and not tail.endswith(b"\n"):
        # A process died while it wrote, or the disk was full: that line stays broken, this one does not.
        os.pwrite(descriptor, b"\n", size)
        tail, size = tail + b"\n", size + 1
    lines = tail.splitlines(keepends=True)
    first = len(lines)
    for number in range(len(lines) - 1, 0 if before else -1, -1):
        if _belongs_after(lines[number], entry):
            first = number
    after = b"".join(lines[first:])
    return size - len(after), after


def _entry(line: bytes) -> Mapping[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and line_of(found) == line else None


def _belongs_after(line: bytes, entry: Mapping[str, Any]) -> bool:
    """Whether a line of the same organisation has a later place in the chain."""
    other = _entry(line)
    if other is None or other.get("organization") != entry.get("organization"):
        return False
    positions = other.get("position"), entry.get("position")
    return isinstance(positions[0], int) and isinstance(positions[1], int) and positions[0] > positions[1]
