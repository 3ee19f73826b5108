"""Commits by name, differences between commits, and their authors."""

from __future__ import annotations

from collections.abc import Collection

from controller.domain.errors import RepositoryFailed
from controller.repository.command import GitCommand
from controller.repository.names import checked_name

_LONGEST_NAME = 255


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
