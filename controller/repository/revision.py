"""Which commit the desired state comes from, and what is not committed yet."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from controller.domain.recorded import NO_REVISION
from controller.repository.command import GitCommand


@dataclass(frozen=True, slots=True)
class Revision:
    """A commit and the state of the work tree above it."""

    sha: str
    """The full commit id, or NO_REVISION."""
    branch: str | None = None
    """The branch that is checked out; None when HEAD is detached."""
    dirty: tuple[str, ...] = ()
    """Paths outside the artifacts that are changed, staged or untracked, sorted."""

    def __str__(self) -> str:
        return f"{self.sha}-dirty" if self.dirty else self.sha


def read_revision(git: GitCommand, artifacts: Collection[str]) -> Revision:
    """The revision of a work tree; changes below the `artifacts` folders do not count as dirt."""
    sha = git.text("rev-parse", "--verify", "--quiet", "HEAD^{commit}", ok=(0, 1)) or NO_REVISION
    branch = git.text("symbolic-ref", "--quiet", "--short", "HEAD", ok=(0, 1)) or None
    dirty = sorted(path for path in _changed(git) if not below(path, artifacts))
    return Revision(sha, branch, tuple(dirty))


def below(path: str, folders: Collection[str]) -> bool:
    """Whether the path is one of the folders, or stands in one."""
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def changed_paths(git: GitCommand, before: str, after: str) -> tuple[str, ...]:
    """Every path that differs between two commits, sorted; a rename counts as both paths."""
    found = git.run("diff-tree", "-r", "-z", "--name-only", "--no-renames", "--end-of-options", before, after, "--")
    return tuple(sorted(path.decode("utf-8", "surrogateescape") for path in found.split(b"\0") if path))


def last_change(git: GitCommand, sha: str, paths: Collection[str]) -> str | None:
    """The short id of the newest commit up to `sha` that changed one of the paths; None where none is known."""
    return git.text("log", "-1", "--format=%h", "--end-of-options", sha, "--", *paths) or None


def _changed(git: GitCommand) -> list[str]:
    """Paths of `git status`; its optional index refresh is switched off, so that not a byte changes."""
    listing = git.run("status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames")
    return [entry[3:].decode("utf-8", "surrogateescape") for entry in listing.split(b"\0") if entry]
