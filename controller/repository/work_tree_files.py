"""HEAD and the differences on disk, compared byte by byte, so that no difference can be hidden.

`git status` believes what the index, exclude files and filters of the tree say; this does not ask them. Only a path
that a sparse work tree leaves out, and that is not on the disk, is no difference.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping
from functools import partial

from controller.domain.files import FileUnreadable, Kind, Limits, Reread, as_utf8, joined, kind_of, too_many_entries
from controller.repository.command import GitCommand
from controller.repository.commit_files import CommitFiles
from controller.repository.disk import DiskFiles
from controller.repository.objects import object_id

LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_COMPARED_BYTES = 8 * 1024**2
"""Larger files are neither manifests nor flow files, so their differences do not matter."""


class WorkTreeFiles:
    """The files of a work tree. Files that a sparse one leaves out come from HEAD."""

    def __init__(self, head: CommitFiles | None, disk: DiskFiles, left_out: frozenset[str] = frozenset()) -> None:
        self.head = head
        self._disk = disk
        self._left_out = left_out
        self._folders_left_out = {
            path[:position] for path in left_out for position, each in enumerate(path) if each == "/"
        }
        self._differs: dict[str, bool] = {}
        self._listings: dict[str, dict[str, Kind]] = {}
        self._last: tuple[str, bytes] = ("", b"")
        """The file that was compared last: it is read next."""
        self.links: set[str] = set()
        """Links that were followed."""

    def listing(self, folder: str) -> Mapping[str, Kind]:
        """The entries of a folder. A submodule stays one, regardless of the folder on disk."""
        if folder not in self._listings:
            self._listings[folder] = self._merged(folder)
        return self._listings[folder]

    def _merged(self, folder: str) -> dict[str, Kind]:
        committed = self.head.listing(folder) if self.head is not None else {}
        here = dict(self._disk.listing(folder))
        for name, kind in committed.items():
            path = joined(folder, name)
            left_out = path in self._left_out or path in self._folders_left_out
            if kind is Kind.SUBMODULE or (name not in here and left_out):
                here[name] = kind
        return here

    def content(self, path: str, most: int) -> bytes | None:
        """The bytes on disk; those of HEAD if they are equivalent or the file is left out on disk."""
        if self._last[0] == path and len(self._last[1]) <= most:
            return self._last[1]
        if self.head is None or self._differs.get(path) is True:
            return self._disk.content(path, most)
        if self._is_plain_file(path):
            with contextlib.suppress(FileUnreadable):
                content = self._disk.content(path, most)
                if content is not None and self._is_committed(path, content):
                    self._differs[path] = False
                    return content  # the bytes of HEAD, without asking git
        return self._disk.content(path, most) if self.differs(path) else self.head.content(path, most)

    def opening(self, path: str, most: int) -> bytes:
        """The first bytes of a file."""
        on_disk = kind_of(self._disk, path) is not None
        return self._disk.opening(path, most) if on_disk or self.head is None else self.head.opening(path, most)

    def target(self, link: str) -> str:
        """The target of a link."""
        self.links.add(link)
        on_disk = kind_of(self._disk, link) is not None
        return self._disk.target(link) if on_disk or self.head is None else self.head.target(link)

    def object_id(self, path: str) -> str | None:
        """git's id of a file that does not differ from HEAD."""
        return None if self.head is None or self.differs(path) else self.head.object_id(path)

    def reread(self, path: str, most: int) -> Reread:
        """Gives HEAD's content of a file that does not differ from it now, and any other as the disk has it then."""
        on_disk = self._disk.reread(path, most)
        if self.head is None or self.differs(path):
            return on_disk
        return partial(_committed_again, self.head.object_id(path) or "", on_disk, self.head.reread(path, most))

    def differs(self, path: str) -> bool:
        """Whether the disk differs from HEAD."""
        if path not in self._differs:
            self._differs[path] = self._compare(path)
        return self._differs[path]

    def _compare(self, path: str) -> bool:
        committed = kind_of(self.head, path) if self.head is not None else None
        here = kind_of(self._disk, path)
        if here is None:
            return committed is not None and path not in self._left_out
        if self.head is None or committed is not here:
            return True
        try:
            if here is Kind.LINK:
                return self.head.target(path) != self._disk.target(path)
            content = self._disk.content(path, _COMPARED_BYTES) if here is Kind.FILE else None
        except FileUnreadable:
            return True
        if content is None:
            return False
        if self._is_committed(path, content):
            self._last = path, content
            return False
        committed_content = self.head.content(path, _COMPARED_BYTES)
        return committed_content is None or not _means_the_same(committed_content, content)

    def _is_plain_file(self, path: str) -> bool:
        """Whether HEAD and the disk have a file at a path."""
        return self.head is not None and kind_of(self.head, path) is kind_of(self._disk, path) is Kind.FILE

    def _is_committed(self, path: str, content: bytes) -> bool:
        """Whether HEAD has exactly this content at a path."""
        committed = self.head.object_id(path) if self.head is not None else None
        return committed is not None and _object_id(content, committed) == committed


def _committed_again(object_id: str, on_disk: Reread, committed: Reread) -> bytes:
    """The committed content: from the disk, which needs no process, while it is still there."""
    with contextlib.suppress(FileUnreadable):
        content = on_disk()
        if _object_id(content, object_id) == object_id:
            return content
    return committed()


def _object_id(content: bytes, like: str) -> str:
    """The id that git would give a file's content, in the repository's hash format."""
    return object_id("blob", content, "sha256" if len(like) == 64 else "sha1")


def _means_the_same(committed: bytes, here: bytes) -> bool:
    """Whether a checkout of the committed content could have written the other: line ends, encodings, Git LFS."""
    if committed.startswith(LFS_POINTER):
        return f"sha256:{hashlib.sha256(here).hexdigest()}".encode() in committed.split()
    return _plain(committed) == _plain(here)


def _plain(content: bytes) -> bytes:
    try:
        return as_utf8(content).replace(b"\r\n", b"\n")
    except UnicodeDecodeError:
        return content


def left_out(git: GitCommand, limits: Limits) -> frozenset[str]:
    """The paths that a sparse work tree leaves out (skip-worktree). Raises RepositoryTooLarge."""
    found: set[str] = set()
    if not git.place.leaves_files_out:
        return frozenset()
    for entry in git.entries("ls-files", "-t", "-z"):
        if entry.startswith(b"S "):
            found.add(entry[2:].decode("utf-8", "surrogateescape"))
        if len(found) > limits.entries:
            raise too_many_entries(limits.entries)
    return frozenset(found)
