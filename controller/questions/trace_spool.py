"""Traces on disk while they are analysed: an analysis walks a trace more than once, and memory must stay small."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import BufferedRandom, FileIO
from pathlib import Path
from typing import TYPE_CHECKING

from controller.diagnosis import TraceStep, VersionedReader
from controller.domain.traces import SnapshotRange

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

_CHUNK = 64 * 1024


class CountingFile(BufferedRandom):
    """A new file that tells how many bytes it holds whenever it grows."""

    def __init__(self, path: Path, told: Callable[[int], None]) -> None:
        super().__init__(FileIO(path, "w+"))
        self._told = told

    def write(self, content: Buffer, /) -> int:
        """Append and tell."""
        written = super().write(content)
        self._told(self.tell())
        return written


def text_chunks(path: Path) -> Iterator[str]:
    """The text of a file, piece by piece. Invalid UTF-8 is replaced."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


class StepPages:
    """The pages of one trace of the versioned dialect, a line of JSON each; walked anew as often as one likes."""

    def __init__(self, path: Path, ranges: Sequence[SnapshotRange] = ()) -> None:
        self._path = path
        self._ranges = ranges
        self._path.write_text("", encoding="utf-8")

    def add(self, page: Sequence[Mapping[str, object]]) -> None:
        """Keep the next page."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(list(page)) + "\n")

    def __iter__(self) -> Iterator[TraceStep]:
        reader = VersionedReader(self._ranges)
        with self._path.open(encoding="utf-8") as file:
            for line in file:
                yield from reader.page(json.loads(line))
        yield from reader.finish()
