"""Commits by name, differences between commits, and their authors."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Collection

from controller.domain.errors import RepositoryFailed
from controller.repository.command import GitCommand
from controller.repository.commit_files import CommitFiles, changed
from controller.repository.names import checked_name
from controller.repository.objects import ObjectReader

_LONGEST_NAME = 255
_MOST_COMPARED = 200_000
"""The most paths that are compared to decide whether only some folders differ."""


def commit_named(git: GitCommand, name: str) -> str:
    """The commit that a person's name for it means; a local branch is preferred to a remote's.

    Raises RepositoryFailed if the commit is not here.
    """
    keys = (key.split(".", 1)[1] for key in git.settings() if key.startswith("remote."))
    remotes = sorted({key.rpartition(".")[0] for key in keys} - {""})
    for full in (checked_name(name), *(f"refs/remotes/{remote}/{name}" for remote in remotes)):
        found = git.attempt("rev-parse", "--verify", "--quiet", "--end-of-options", f"{full}^{{commit}}")
        if found.ok:
            return found.output.decode("ascii").strip()
    raise RepositoryFailed(
        f"{git.directory}: {name} names no commit that is here",
        hint=f"git fetch origin {name}; in GitHub Actions, give actions/checkout fetch-depth: 0",
    )


def only_below(git: GitCommand, commits: tuple[str, str], folders: Collection[str], read: Collection[str]) -> bool:
    """Whether two commits differ only below the folders, and in none of the paths that were `read`.

    Also False if one of the commits is not here or too many paths differ.
    """
    with contextlib.closing(ObjectReader(git)) as reader:
        if not all(reader.info(f"{sha}^{{commit}}") for sha in commits):
            return False
        before, after = (CommitFiles(reader, sha) for sha in commits)
        paths = changed(before, after)
        compared = itertools.islice(paths, _MOST_COMPARED)
        same = all(below(path, folders) and path not in read for path in compared)
        return same and next(paths, None) is None


def below(path: str, folders: Collection[str]) -> bool:
    """Whether the path is one of the folders, or inside one."""
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def changed_paths(git: GitCommand, before: str, after: str) -> tuple[str, ...]:
    """Every path that differs between two of our own commits, sorted; a rename counts as both paths."""
    found = git.run("diff-tree", "-r", "-z", "--name-only", "--no-renames", "--end-of-options", before, after, "--")
    return tuple(sorted(path.decode("utf-8", "surrogateescape") for path in found.split(b"\0") if path))


def last_change(git: GitCommand, sha: str, paths: Collection[str]) -> str | None:
    """The short id of the newest commit up to `sha` that changed one of the paths; None if none is known."""
    return git.text("log", "-1", "--format=%h", "--end-of-options", sha, "--", *paths) or None


def author(git: GitCommand, sha: str) -> str | None:
    """`name <address>` of the commit's author; None if the commit is not here."""
    words = ("log", "-1", "--no-show-signature", "--format=%an <%ae>", "--end-of-options", sha)
    return git.text(*words, ok=(0, 128))[:_LONGEST_NAME] or None
