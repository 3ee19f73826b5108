"""New commits with their trees and blobs: made in memory, and given to git together as one pack."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping

from controller.domain.errors.repository import RepositoryFailed
from controller.repository.commit_files import RawEntry, raw_entries
from controller.repository.here import Here
from controller.repository.objects import Signature, object_id

_FILE, _FOLDER = b"100644", b"40000"
_NUMBERS = {"commit": 1, "tree": 2, "blob": 3}
"""The numbers of the kinds of objects in a pack (gitformat-pack)."""

_Path = tuple[bytes, ...]


def write_commit(
    here: Here, base: str | None, files: Mapping[str, bytes], message: str, signature: Signature
) -> str | None:
    """The id of a new commit on `base` with these files added, or with only them if `base` is None.

    It is `base` itself where that has all of them. No ref points at the new one yet. Every byte is stored as it is: no
    filter and no line-ending conversion touches it, and neither the index nor the work tree is used. Raises
    RepositoryFailed.
    """
    before = None if base is None else here.tree(base)
    new = _NewObjects(here)
    tree = new.tree(before, {tuple(path.encode().split(b"/")): content for path, content in files.items()})
    if tree == before:
        return base
    commit = new.commit(tree, base, message, signature)
    here.git.run("unpack-objects", "-q", given=new.pack())
    return commit


class _NewObjects:
    """Objects that the repository may lack, by their ids."""

    def __init__(self, here: Here) -> None:
        self._here = here
        self._format = here.settings.get("extensions.objectformat", "sha1")
        self._objects: dict[str, tuple[str, bytes]] = {}

    def tree(self, before: str | None, files: Mapping[_Path, bytes]) -> str:
        """The id of a folder's tree with the files added; the folder is new if it had none before."""
        entries = {} if before is None else self._entries(before)
        below: dict[bytes, dict[_Path, bytes]] = {}
        for (name, *rest), content in files.items():
            if rest:
                below.setdefault(name, {})[tuple(rest)] = content
            else:
                entries[name] = RawEntry(_FILE, name, self._add("blob", content))
        for name, inside in below.items():
            there = entries.get(name)
            # Anything else at the folder's name is replaced.
            folder = there.object_id if there is not None and there.is_folder else None
            entries[name] = RawEntry(_FOLDER, name, self.tree(folder, inside))
        return self._add("tree", b"".join(map(bytes, sorted(entries.values(), key=_order))))

    def commit(self, tree: str, parent: str | None, message: str, signature: Signature) -> str:
        """The id of a commit."""
        parents = "" if parent is None else f"parent {parent}\n"
        # A commit's text ends at a zero byte for many a program.
        text = f"tree {tree}\n{parents}{signature.header()}\n{message}".replace("\0", "\N{REPLACEMENT CHARACTER}")
        return self._add("commit", text.encode("utf-8", "backslashreplace"))

    def _entries(self, tree: str) -> dict[bytes, RawEntry]:
        raw = self._here.content_of(tree)
        if raw is None:
            raise RepositoryFailed(f"{self._here.git.directory}: the object {tree} is missing", hint="clone it again")
        return {each.name: each for each in raw_entries(raw, len(tree) // 2)}

    def _add(self, kind: str, content: bytes) -> str:
        found = object_id(kind, content, self._format)
        self._objects[found] = kind, content
        return found

    def pack(self) -> bytes:
        """All objects in one pack, uncompressed, because git compresses each on its own."""
        stored = (_head(kind, len(content)) + zlib.compress(content, 0) for kind, content in self._objects.values())
        pack = b"".join((b"PACK", (2).to_bytes(4, "big"), len(self._objects).to_bytes(4, "big"), *stored))
        return pack + hashlib.new(self._format, pack).digest()


def _order(entry: RawEntry) -> bytes:
    """What git sorts the entries of a tree by."""
    return entry.name + b"/" if entry.is_folder else entry.name


def _head(kind: str, size: int) -> bytes:
    """The kind and size of an object in a pack: four bits of the size, and then seven in each further byte."""
    found, byte, rest = bytearray(), _NUMBERS[kind] << 4 | size & 0b1111, size >> 4
    while rest:
        found.append(byte | 0b1000_0000)
        byte, rest = rest & 0b0111_1111, rest >> 7
    return bytes((*found, byte))
