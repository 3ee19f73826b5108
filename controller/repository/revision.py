"""Commits by name, their authors, differences between commits, and the files that a merge of two would leave."""

from __future__ import annotations

import contextlib
import itertools
import re
import tempfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from controller.domain.errors.repository import MergeConflict, RepositoryFailed
from controller.repository.command import GitCommand
from controller.repository.commit_files import CommitFiles, changed
from controller.repository.here import Here
from controller.repository.names import checked_name
from controller.repository.objects import ObjectReader, is_ancestor

_LONGEST_NAME = 255
_AUTHOR = re.compile(rb"^author ([^<\n]*)<([^>\n]*)>", re.MULTILINE)
_ENCODING = re.compile(rb"^encoding ([\x21-\x7e]+)$", re.MULTILINE)
"""Names the encoding of a commit that is not in UTF-8."""
_MOST_COMPARED = 200_000
"""The most paths that are compared to decide whether only some folders differ."""
_LISTED = 5
_UNKNOWN_OPTION = 129
"""What git ends with for an option that it does not know."""


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


def author(here: Here, sha: str) -> str | None:
    """`name <address>` of the commit's author; None if the commit is not here or names none."""
    header = (here.content_of(f"{sha}^{{commit}}") or b"").partition(b"\n\n")[0]
    found, encoding = _AUTHOR.search(header), _ENCODING.search(header)
    if found is None:
        return None
    text = _decoded(b"%b <%b>" % (found[1].strip(), found[2]), encoding[1].decode("ascii") if encoding else "utf-8")
    return " ".join(text.split())[:_LONGEST_NAME]


def _decoded(text: bytes, encoding: str) -> str:
    """Text of a commit; read as UTF-8 if Python does not know the encoding that the commit names."""
    try:
        return text.decode(encoding, "surrogateescape")
    except (LookupError, ValueError):
        return text.decode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class MergedTree:
    """The files after a merge."""

    tree: str
    """The id of a tree or commit that `environment` makes readable."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables with which git finds the objects."""


@contextlib.contextmanager
def merged(git: GitCommand, base: str, head: str) -> Iterator[MergedTree]:
    """The tree of `head` merged into `base` in memory, by git's own merge; readable until the block ends.

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
        more = f" and {len(conflicts) - _LISTED} more" if len(conflicts) > _LISTED else ""
        raise MergeConflict(
            f"{head[:12]} cannot be merged into {base[:12]}: both change {', '.join(conflicts[:_LISTED])}{more}",
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
