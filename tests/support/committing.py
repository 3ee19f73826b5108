"""Commits all files of a clone with libgit2, in this process: git takes three for it, and nearly every test commits."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pygit2

_LEFT_TO_GIT = frozenset({"GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE", "GIT_CONFIG_COUNT", "GIT_INDEX_FILE"})
"""Variables that change a commit, and that libgit2 does not read."""


def commit_all(clone: Path, message: str) -> None:
    """Commit all files below the clone. Raises CalledProcessError where none has changed."""
    if without_git(clone, message) is None:
        for words in (("add", "--all"), ("commit", "--quiet", "--message", message)):
            subprocess.run(["git", *words], cwd=clone, check=True, capture_output=True, timeout=60)


def without_git(clone: Path, message: str) -> str | None:
    """The commit of all files below the clone; None, with nothing done, where git has to decide, or nothing changed."""
    repository = pygit2.Repository(str(clone))
    if repository.state() != pygit2.enums.RepositoryState.NONE or os.environ.keys() & _LEFT_TO_GIT or _asks(repository):
        return None
    index = repository.index
    index.add_all()
    tree = index.write_tree()
    parents = [] if repository.head_is_unborn else [repository.head.target]
    if any(repository[parent].peel(pygit2.Tree).id == tree for parent in parents):
        return None
    index.write()
    author, committer = _by(repository, "AUTHOR"), _by(repository, "COMMITTER")
    return str(repository.create_commit("HEAD", author, committer, f"{message}\n", tree, parents))


def _asks(repository: pygit2.Repository) -> bool:
    """Whether git asks a hook, or a program that signs."""
    hooks = any(each.suffix != ".sample" for each in Path(repository.path, "hooks").glob("*"))
    return hooks or any(name in repository.config for name in ("core.hooksPath", "commit.gpgSign"))


def _by(repository: pygit2.Repository, role: str) -> pygit2.Signature:
    name, email = (os.environ.get(f"GIT_{role}_{part}") for part in ("NAME", "EMAIL"))
    return pygit2.Signature(name, email) if name and email else repository.default_signature
