"""The files of a desired state, by path: of a commit, of a folder, or of a commit with local changes.

Paths are relative to the top of the repository, with `/`; the top itself is the empty path.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from controller.domain.errors.repository import RepositoryTooLarge

MAXIMUM_LINKS = 40
"""Largest number of links in one path, as on Linux."""
_MARKED = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)


class Kind(StrEnum):
    """The kind of an entry in a folder."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "link"
    SUBMODULE = "submodule"
    OTHER = "other"
    """A pipe or a device, which is never opened."""


class FileUnreadable(Exception):  # noqa: N818 - its readers turn it into a mistake with the file's name
    """Why a file or folder cannot be read."""


class PathLost(Exception):  # noqa: N818 - as above
    """Why a path leads to nothing in the repository, as the end of a sentence about the path."""


Reread = Callable[[], bytes]
"""Gives a content again, as far as it is asked for. Raises FileUnreadable, and RepositoryFailed when git fails."""


class Files(Protocol):
    """The files of one revision or folder, read on demand."""

    def listing(self, folder: str) -> Mapping[str, Kind]:
        """The entries of a folder; empty for a missing folder.

        Raises FileUnreadable, and RepositoryTooLarge before it reads a folder with too many entries.
        """

    def content(self, path: str, most: int) -> bytes | None:
        """The bytes of a file; None when it has more than `most`. Raises FileUnreadable."""

    def opening(self, path: str, most: int) -> bytes:
        """The first bytes of a file, however large it is. Raises FileUnreadable."""

    def target(self, link: str) -> str:
        """The target of a link as written. Raises FileUnreadable."""

    def object_id(self, path: str) -> str | None:
        """git's id of a file's content; None where git does not hold this content, and where there is no file."""

    def reread(self, path: str, most: int) -> Reread:
        """A function that gives the first bytes of a file again, also when these files are closed.

        Raises FileUnreadable.
        """


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits for reading a repository."""

    entries: int = 200_000
    """Entries in all searched folders."""
    total_bytes: int = 128 * 1024**2
    """Total bytes of all files."""
    depth: int = 64
    """Depth of nested folders."""
    path_length: int = 1024
    """Characters of a path."""


class Budget:
    """The part of the limits that a reading has used up. Every method raises RepositoryTooLarge."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._entries = 0
        self._bytes = 0

    def enter(self, folder: str, entries: int) -> None:
        """Count the entries of a folder before anything in it is read."""
        limits = self.limits
        self._entries += entries
        if self._entries > limits.entries:
            raise too_many_entries(limits.entries)
        if folder.count("/") >= limits.depth:
            message = f"{folder[:80]}… is nested deeper than {limits.depth} folders"
            raise RepositoryTooLarge(message, hint="flatten the folders")
        if len(folder) > limits.path_length:
            message = f"{folder[:80]}… is longer than {limits.path_length} characters"
            raise RepositoryTooLarge(message, hint="give the folders shorter names")

    def read(self, size: int) -> None:
        """Count the bytes of a file that was read."""
        self._bytes += size
        if self._bytes > self.limits.total_bytes:
            raise RepositoryTooLarge(
                f"manifests, flow files and other YAML files have more than {self.limits.total_bytes // 1024**2} MiB",
                hint="name the folder of the manifests (PENSTOCK_MANIFESTS), or raise PENSTOCK_REPOSITORY_MIB",
            )


def too_many_entries(most: int) -> RepositoryTooLarge:
    """The error for folders with too many entries."""
    return RepositoryTooLarge(
        f"the folders that are searched for manifests hold more than {most} files and folders",
        hint="name the folder of the manifests (PENSTOCK_MANIFESTS), or raise PENSTOCK_REPOSITORY_ENTRIES",
    )


def joined(folder: str, name: str) -> str:
    """The path of a name in a folder."""
    return f"{folder}/{name}" if folder else name


def is_below(path: str, folder: str) -> bool:
    """Whether a path is the folder or inside it."""
    return not folder or path == folder or path.startswith(f"{folder}/")


def kind_of(files: Files, path: str) -> Kind | None:
    """The kind of the entry at a path without links in its folders; None if it is missing or unreadable."""
    if not path:
        return Kind.FOLDER
    folder, _, name = path.rpartition("/")
    try:
        return files.listing(folder).get(name)
    except FileUnreadable:
        return None


def followed(files: Files, path: str) -> str:
    """The path with all links resolved; missing parts stay as written.

    Raises PathLost for a path that leads out of the repository, into a submodule, or in a circle.
    """
    ahead = path.split("/")[::-1]
    done: list[str] = []
    links = 0
    while ahead:
        part = ahead.pop()
        if part in {"", "."}:
            continue
        if part == "..":
            if not done:
                raise PathLost("leads out of the repository")
            done.pop()
            continue
        here = "/".join([*done, part])
        kind = kind_of(files, here)
        if kind is Kind.LINK:
            links += 1
            ahead += _next_parts(files, here, links)
        elif kind is Kind.SUBMODULE and any(part not in {"", "."} for part in ahead):
            raise PathLost(f"leads into the submodule {here}, and nothing of it is read")
        else:
            done.append(part)
    return "/".join(done)


def _next_parts(files: Files, link: str, links: int) -> list[str]:
    if links > MAXIMUM_LINKS:
        raise PathLost("is a link that leads in a circle, or too long a path")
    try:
        target = files.target(link)
    except FileUnreadable as error:
        raise PathLost(f"leads through the link {link}, which cannot be read: {error}") from error
    if target.startswith("/"):
        raise PathLost("leads out of the repository")
    return target.split("/")[::-1]


def as_utf8(content: bytes) -> bytes:
    """The content in UTF-8 without a byte order mark; the mark may declare UTF-16 or UTF-32.

    Raises UnicodeDecodeError if the content contradicts its mark.
    """
    for mark, encoding in _MARKED:
        if content.startswith(mark):
            return content.decode(encoding).encode("utf-8", "surrogatepass")
    return content
