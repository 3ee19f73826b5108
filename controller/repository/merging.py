"""The files that a branch will leave once it is merged, made in memory: nothing is written to the repository."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from controller.domain.errors import MergeConflict, RepositoryFailed
from controller.repository.command import GitCommand
from controller.repository.objects import is_ancestor

_SHOWN = 5
_UNKNOWN_OPTION = 129
"""What git ends with for an option that it does not know."""


@dataclass(frozen=True, slots=True)
class MergedTree:
    """The files after a merge."""

    tree: str
    """The id of a tree or commit that `environment` makes readable."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables with which git finds the objects."""


@contextlib.contextmanager
def merged(git: GitCommand, base: str, head: str) -> Iterator[MergedTree]:
    """The tree of `head` merged into `base`, by git's own merge; readable until the block ends.

    Where the head holds the base already, or the two share no history, it is the head's own tree. Raises MergeConflict,
    and RepositoryFailed for a shallow clone that lacks their common history.
    """
    if is_ancestor(git, base, head) or not _related(git, base, head):
        yield MergedTree(head)
        return
    with tempfile.TemporaryDirectory(prefix="penstock-") as folder:
        objects = git.text("rev-parse", "--path-format=absolute", "--git-path", "objects")
        # New objects go to the folder, so that no command that only reads leaves anything in the repository.
        environment = {"GIT_OBJECT_DIRECTORY": folder, "GIT_ALTERNATE_OBJECT_DIRECTORIES": _quoted(objects)}
        yield MergedTree(_merge(git, base, head, environment), environment)


def _merge(git: GitCommand, base: str, head: str, environment: Mapping[str, str]) -> str:
    words = ("merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", base, head)
    answer = git.attempt(*words, environment=environment)
    tree, *conflicts = answer.output.decode("utf-8", "backslashreplace").rstrip("\0").split("\0")
    if answer.ok and tree:
        return tree
    # Git ends with 1 for conflicts, and with something else for failures.
    if answer.status == 1 and conflicts:
        more = f" and {len(conflicts) - _SHOWN} more" if len(conflicts) > _SHOWN else ""
        raise MergeConflict(
            f"{head[:12]} cannot be merged into {base[:12]}: both change {', '.join(conflicts[:_SHOWN])}{more}",
            hint="merge the base into the branch, or rebase the branch",
        )
    too_old = answer.status == _UNKNOWN_OPTION
    raise RepositoryFailed(
        f"{head[:12]} cannot be merged into {base[:12]}: {answer.complaint or f'exit status {answer.status}'}",
        hint="install git 2.39 or newer, or merge the base into the branch" if too_old else None,
    )


def _related(git: GitCommand, base: str, head: str) -> bool:
    """Whether the two share history. Raises RepositoryFailed where a shallow clone cannot tell."""
    if git.attempt("merge-base", base, head).ok:
        return True
    if git.text("rev-parse", "--is-shallow-repository") == "true":
        raise RepositoryFailed(
            f"{git.directory}: this shallow clone does not hold the common history of {base[:12]} and {head[:12]}",
            hint="git fetch --unshallow; in GitHub Actions, give actions/checkout fetch-depth: 0",
        )
    return False


def _quoted(path: str) -> str:
    """A path as git takes it in a list of object folders, in C quotes."""
    escaped = path.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
