"""The files of a commit, read from git's objects by path: writes nothing and reads only the requested files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import NamedTuple

from controller.domain.errors.repository import RepositoryFailed
from controller.domain.files import FileUnreadable, Kind, Limits, Reread, joined, too_many_entries
from controller.repository.objects import ObjectReader

_TREE_BYTES = 64 * 1024**2
_LINK_BYTES = 4096
_KINDS = {b"40000": Kind.FOLDER, b"120000": Kind.LINK, b"160000": Kind.SUBMODULE}

Entry = tuple[Kind, str]
"""The kind of an entry, and the id of its object."""


class RawEntry(NamedTuple):
    """One entry of a tree object, as it is stored there."""

    mode: bytes
    name: bytes
    object_id: str

    @property
    def is_folder(self) -> bool:
        return _KINDS.get(self.mode.lstrip(b"0")) is Kind.FOLDER

    def __bytes__(self) -> bytes:
        return b"%b %b\0%b" % (self.mode, self.name, bytes.fromhex(self.object_id))


@dataclass(frozen=True, slots=True)
class CommitFolder:
    """One folder of a commit."""

    entries: Mapping[str, Entry]
    kinds: Mapping[str, Kind]


class KeptTrees:
    """Folders by the ids of their trees, for all commits of one repository: the next commit has most of them again.

    Thread-safe. It is emptied before it holds more entries than `most`; a tree with more than that is kept alone.
    """

    def __init__(self, most: int = 100_000) -> None:
        self._most = most
        self._kept: dict[str, CommitFolder] = {}
        self._entries = 0
        self._lock = Lock()

    def get(self, object_id: str) -> CommitFolder | None:
        """The folder, if it is kept."""
        return self._kept.get(object_id)

    def keep(self, object_id: str, tree: CommitFolder) -> None:
        with self._lock:
            self._entries += len(tree.entries)
            if self._entries > self._most:
                self._kept.clear()
                self._entries = len(tree.entries)
            self._kept[object_id] = tree


class CommitFiles:
    """Files of one commit, without names that no work tree could hold (they occur only in forged trees)."""

    def __init__(
        self, reader: ObjectReader, commit: str, limits: Limits | None = None, trees: KeptTrees | None = None
    ) -> None:
        self._reader = reader
        self.commit = commit
        self._limits = limits or Limits()
        self._root: str | None = None
        self._trees = trees or KeptTrees(self._limits.entries)

    def listing(self, folder: str) -> Mapping[str, Kind]:
        """The entries of a folder; empty where there is no such folder."""
        return self._tree(folder).kinds

    def entries(self, folder: str) -> Mapping[str, Entry]:
        """The entries of a folder, with the ids of the objects."""
        return self._tree(folder).entries

    def content(self, path: str, most: int) -> bytes | None:
        """The bytes of a file; None when it has more than `most`."""
        return self._reader.content(self._object(path), most)

    def opening(self, path: str, most: int) -> bytes:
        """The first bytes of a file."""
        return self._reader.opening(self._object(path), most)

    def target(self, link: str) -> str:
        """The target of a link."""
        content = self._reader.content(self._object(link), _LINK_BYTES)
        if content is None or b"\0" in content:
            raise FileUnreadable("its target is no path")
        return os.fsdecode(content)

    def object_id(self, path: str) -> str | None:
        """The object id at a path; None where there is none."""
        folder, _, name = path.rpartition("/")
        entry = self.entries(folder).get(name)
        return entry[1] if entry is not None else None

    def reread(self, path: str, most: int) -> Reread:
        """Gives a file's first bytes again."""
        return self._reader.reread(self._object(path), most)

    def _object(self, path: str) -> str:
        found = self.object_id(path)
        if found is None:
            raise FileUnreadable("it is not in the commit")
        return found

    def _tree(self, folder: str) -> CommitFolder:
        if self._root is None:
            found = self._reader.info(f"{self.commit}^{{tree}}")
            if found is None:
                raise RepositoryFailed(f"the commit {self.commit[:12]} is not here", hint="fetch it")
            self._root = found.object_id
        tree = self._read(self._root)
        for part in folder.split("/") if folder else ():
            kind, object_id = tree.entries.get(part, (Kind.OTHER, ""))
            if kind is not Kind.FOLDER:
                return CommitFolder({}, {})
            tree = self._read(object_id)
        return tree

    def _read(self, object_id: str) -> CommitFolder:
        tree = self._trees.get(object_id)
        if tree is None:
            tree = self._read_anew(object_id)
            self._trees.keep(object_id, tree)
        if len(tree.entries) > self._limits.entries:
            raise too_many_entries(self._limits.entries)
        return tree

    def _read_anew(self, object_id: str) -> CommitFolder:
        raw = self._reader.content(object_id, _TREE_BYTES)
        if raw is None:
            raise too_many_entries(self._limits.entries)
        entries: dict[str, Entry] = {}
        for name, entry in _entries(raw, len(object_id) // 2):
            entries[name] = entry
            if len(entries) > self._limits.entries:
                raise too_many_entries(self._limits.entries)
        return CommitFolder(entries, {name: kind for name, (kind, _) in entries.items()})


def changed(before: CommitFiles, after: CommitFiles) -> Iterator[str]:
    """Every path that differs between two commits, as a stream: `git diff-tree` finds all before it prints one."""
    ahead = [""]
    while ahead:
        folder = ahead.pop()
        old, new = before.entries(folder), after.entries(folder)
        for name in sorted(old.keys() | new.keys()):
            sides = {old.get(name), new.get(name)}
            if len(sides) == 1:
                continue
            kinds = {side[0] for side in sides if side is not None}
            if Kind.FOLDER in kinds:
                ahead.append(joined(folder, name))
            if kinds != {Kind.FOLDER}:
                yield joined(folder, name)


def raw_entries(raw: bytes, id_bytes: int) -> Iterator[RawEntry]:
    """All entries of a tree object: a mode, a blank, a name, a zero byte, and the id (git's gitformat-tree)."""
    position = 0
    while position < len(raw):
        blank = raw.index(b" ", position)
        end = raw.index(b"\0", blank)
        start, position = position, end + 1 + id_bytes
        yield RawEntry(raw[start:blank], raw[blank + 1 : end], raw[end + 1 : position].hex())


def _entries(raw: bytes, id_bytes: int) -> Iterator[tuple[str, Entry]]:
    """The entries of a tree object that a work tree could hold."""
    for mode, name_bytes, object_id in raw_entries(raw, id_bytes):
        name = os.fsdecode(name_bytes)
        if name not in {"", ".", ".."} and "/" not in name and name.lower() != ".git":
            digits = mode.lstrip(b"0")
            kind = _KINDS.get(digits) or (Kind.FILE if digits.startswith(b"100") else Kind.OTHER)
            yield name, (kind, object_id)
