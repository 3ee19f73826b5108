"""The files of a folder on disk; each folder is listed once."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from controller.domain.files import FileUnreadable, Kind, Limits, Reread, too_many_entries


class DiskFiles:
    """Files below a folder. Links are not followed; pipes and devices are not opened."""

    def __init__(self, top: Path, limits: Limits | None = None) -> None:
        self.top = top
        self._limits = limits or Limits()
        self._listings: dict[str, dict[str, Kind]] = {}

    def listing(self, folder: str) -> Mapping[str, Kind]:
        """The entries of a folder without `.git`; empty where there is no such folder."""
        if folder not in self._listings:
            self._listings[folder] = self._list(folder)
        return self._listings[folder]

    def content(self, path: str, most: int) -> bytes | None:
        """The bytes of a file; None when it has more than `most`."""
        found = self.opening(path, most + 1)
        return found if len(found) <= most else None

    def opening(self, path: str, most: int) -> bytes:
        """The first bytes of a file."""
        try:
            # A link or a pipe may have replaced the file since the listing.
            descriptor = os.open(f"{self.top}/{path}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(descriptor, "rb") as file:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise FileUnreadable("it is no file any more")
                return file.read(most)
        except (OSError, ValueError) as error:
            raise _unreadable(error) from error

    def target(self, link: str) -> str:
        """The target of a link."""
        try:
            return str((self.top / link).readlink())
        except (OSError, ValueError) as error:
            raise _unreadable(error) from error

    def object_id(self, path: str) -> str | None:  # noqa: ARG002 - no content on the disk is one of git's objects
        """None."""
        return None

    def reread(self, path: str, most: int) -> Reread:
        """Gives the first bytes that the file has then."""
        return partial(DiskFiles(self.top, self._limits).opening, path, most)

    def _list(self, folder: str) -> dict[str, Kind]:
        found: dict[str, Kind] = {}
        above, _, name = folder.rpartition("/")
        if folder and self.listing(above).get(name) is not Kind.FOLDER:
            return found
        try:
            with os.scandir(self.top / folder) as entries:
                for entry in entries:
                    if entry.name.lower() != ".git":
                        found[entry.name] = _kind(entry)
                    if len(found) > self._limits.entries:
                        raise too_many_entries(self._limits.entries)
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except (OSError, ValueError) as error:
            raise _unreadable(error) from error
        return found


def _kind(entry: os.DirEntry[str]) -> Kind:
    if entry.is_symlink():
        return Kind.LINK
    if entry.is_dir(follow_symlinks=False):
        return Kind.FOLDER
    return Kind.FILE if entry.is_file(follow_symlinks=False) else Kind.OTHER


def _unreadable(error: OSError | ValueError) -> FileUnreadable:
    return FileUnreadable((error.strerror if isinstance(error, OSError) else None) or type(error).__name__)
