"""The folders of a repository on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_BRANCH = "ref: refs/heads/"
_UNMARKED = b"DIRC\0\0\0\2"
"""The signature and version of an index in which no file can be marked as left out."""
FilesState = tuple[tuple[int, int, int] | None, ...]
"""For each file its number on the disk, time of change and size; None where there is no file."""


@dataclass(frozen=True, slots=True)
class GitFolders:
    """One repository."""

    top: Path
    """The top of the work tree, absolute; for a bare repository its git folder."""
    bare: bool = False
    git: Path | None = None
    """The git folder of this work tree; None where it is the top."""
    common: Path | None = None
    """The git folder that all work trees share; None where it is the top."""

    @property
    def has_linked_work_trees(self) -> bool:
        """Whether git keeps any work tree besides the main one, also if it is lost (gitrepository-layout)."""
        return ((self.common or self.top) / "worktrees").exists()

    @property
    def leaves_files_out(self) -> bool:
        """Whether the index may mark files that a sparse work tree leaves out; git has to tell which.

        An index of version 2 has no field for the mark (gitformat-index), unless a part of it is in a shared file.
        """
        git = self.git or self.top
        try:
            with (git / "index").open("rb") as index:
                return index.read(len(_UNMARKED)) != _UNMARKED or any(git.glob("sharedindex.*"))
        except FileNotFoundError:
            return False
        except OSError:
            return True

    def has_refs(self, folder: str) -> bool:
        """Whether refs below a folder such as `refs/penstock` may exist; git has to tell which."""
        common = self.common or self.top
        if (common / "reftable").exists() or (common / folder).exists():
            return True
        # After the folder: git packs a ref before it removes its file.
        try:
            return folder.encode() in (common / "packed-refs").read_bytes()
        except FileNotFoundError:
            return False
        except OSError:
            return True

    def checked_out(self) -> str | None:
        """The branch that HEAD names; None where git has to tell it: HEAD is detached, or refs are in a reftable."""
        try:
            head = ((self.git or self.top) / "HEAD").read_text("utf-8", "surrogateescape")
        except OSError:
            return None
        branch = head.removeprefix(_BRANCH).removesuffix("\n")
        # With a reftable, the file names a branch that cannot be (gitrepository-layout).
        return branch if head.startswith(_BRANCH) and branch not in ("", ".invalid") else None

    def settings_state(self) -> FilesState:
        """What changes whenever a branch is checked out or a setting of the repository is changed."""
        git, common = self.git or self.top, self.common or self.top
        files = (git / "HEAD", git / "config.worktree", common / "config", common / "reftable" / "tables.list")
        return tuple(_file_state(each) for each in files)


def _file_state(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def bare_place(folder: Path) -> GitFolders:
    """The folders of a bare repository that Penstock created."""
    return GitFolders(folder.resolve(), bare=True)
