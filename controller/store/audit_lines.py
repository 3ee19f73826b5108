"""Reads daily files for `penstock audit verify`: which lines are whole, and where in which chain each belongs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from controller.domain.errors.process import StoreFailed
from controller.store.audit import succeeded
from controller.store.audit_file import FiledLine, daily_files, day_of, filed_lines
from controller.store.audit_findings import ChainFinding, Link, changed, link_of


@dataclass(frozen=True, slots=True)
class Filed:
    """An entry as a daily file has it, or the store."""

    link: Link
    webhook_synced: bool | None
    """Of a line, as it was when that was written."""


@dataclass(slots=True)
class FilesRead:
    """All lines of the files of one or several processes."""

    entries: dict[str, dict[int, Filed]] = field(default_factory=dict)
    """By organisation and position."""
    findings: list[ChainFinding] = field(default_factory=list)
    lines: int = 0
    files: int = 0
    before_the_chain: int = 0
    """Lines of earlier versions, which have no place in a chain."""


def read_files(folders: Iterable[Path], organization: str | None = None) -> FilesRead:
    """Read the folders' files; of the whole lines, those of one organisation, or of all.

    Raises StoreFailed for a folder or file that cannot be read.
    """
    found = FilesRead()
    for folder in dict.fromkeys(each.resolve() for each in folders):
        if not folder.is_dir():
            raise StoreFailed(f"{folder} is not a folder", hint="name the folder of the daily files")
        found.files += len(daily_files(folder))
        _Folder(found, organization).read(folder)
    for entries in found.entries.values():
        found.findings.extend(_replaced(entry.link for entry in entries.values()))
    return found


class _Folder:
    """The files of one folder, in which the lines of an organisation are in the order of its chain."""

    def __init__(self, found: FilesRead, organization: str | None) -> None:
        self._found = found
        self._only = organization
        self._last: dict[tuple[Path, str], int] = {}
        self._chained: set[str] = set()

    def read(self, folder: Path) -> None:
        for line in filed_lines(folder):
            self._found.lines += 1
            if line.entry is None:
                self._tell(line, {}, "it is not a line that was written: it was changed or cut off")
            elif self._only in (None, line.entry.get("organization")):
                self._place(line, line.entry)

    def _place(self, line: FiledLine, entry: Mapping[str, Any]) -> None:
        organization = str(entry.get("organization"))
        if entry.get("position") is None and entry.get("digest") is None:
            self._found.before_the_chain += 1
            if organization in self._chained:
                self._tell(line, entry, "it has no place in the chain, though lines before it do")
            return
        self._chained.add(organization)
        wrong = changed(entry) or _told_wrong(line, entry)
        if wrong is not None:
            self._tell(line, entry, wrong)
            return
        filed = Filed(link_of(entry, str(line)), entry.get("webhook_synced"))
        position, key = filed.link.position, (line.file, organization)
        known = self._found.entries.setdefault(organization, {}).setdefault(position, filed)
        if known is not filed:
            self._tell(line, entry, f"it is there twice: position {position} is at {known.link.where} as well")
        elif position < self._last.get(key, 0):
            self._tell(line, entry, f"it was moved: position {position} comes after position {self._last[key]}")
        self._last[key] = max(position, self._last.get(key, 0))

    def _tell(self, line: FiledLine, entry: Mapping[str, Any], what: str) -> None:
        at = entry.get("timestamp")
        finding = ChainFinding(str(line), str(entry.get("organization", "")), None if at is None else str(at), what)
        self._found.findings.append(finding)


def _told_wrong(line: FiledLine, entry: Mapping[str, Any]) -> str | None:
    """What is wrong with the parts of a line that its digest does not cover."""
    if entry.get("success") is not succeeded(str(entry.get("status"))):
        return "it was changed: `success` does not follow from `status`"
    if str(entry.get("timestamp"))[:10] != day_of(line.file).isoformat():
        return "it was moved: it is in the file of another day"
    return None


def _replaced(links: Iterable[Link]) -> list[ChainFinding]:
    """Neighbours that do not follow each other; gaps are judged by the store, which knows what is filed."""
    ordered = sorted(links, key=lambda link: link.position)
    return [
        after.finding("it does not follow the line with the position before it: one of them was replaced")
        for before, after in pairwise(ordered)
        if after.position == before.position + 1 and after.previous != before.digest
    ]
