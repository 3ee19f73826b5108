"""Reading files of commits and building commits, with git's plumbing: no work tree and no index of a person is used."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from controller.domain.errors import RepositoryFailed
from controller.repository.command import GitCommand


@dataclass(frozen=True, slots=True)
class Signature:
    """Who commits."""

    name: str = "Penstock"
    email: str = "penstock@localhost"

    def environment(self) -> dict[str, str]:
        """The variables that make git sign commits with this name."""
        return {
            "GIT_AUTHOR_NAME": self.name,
            "GIT_AUTHOR_EMAIL": self.email,
            "GIT_COMMITTER_NAME": self.name,
            "GIT_COMMITTER_EMAIL": self.email,
        }


def resolve(git: GitCommand, name: str) -> str | None:
    """The commit that a full ref or an id names; None when there is none."""
    return git.text("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}", ok=(0, 1)) or None


def has_commit(git: GitCommand, sha: str) -> bool:
    """Whether the commit's object is here."""
    return git.attempt("cat-file", "-e", f"{sha}^{{commit}}").ok


def is_ancestor(git: GitCommand, older: str, newer: str) -> bool:
    """Whether `newer` holds all of `older`'s history."""
    return git.attempt("merge-base", "--is-ancestor", older, newer).ok


def read_file(git: GitCommand, commit: str, path: str) -> bytes | None:
    """One file of a commit; None when the commit does not have it."""
    return read_objects(git, [f"{commit}:{path}"])[0]


def read_objects(git: GitCommand, names: Sequence[str]) -> list[bytes | None]:
    """The contents of many objects with one process; None for each that is missing. Names hold no line break."""
    if not names:
        return []
    given = "".join(f"{name}\n" for name in names).encode("utf-8", "surrogateescape")
    output = git.run("cat-file", "--batch", given=given)
    contents: list[bytes | None] = []
    position = 0
    for _ in names:
        end = output.index(b"\n", position)
        header = output[position:end].split(b" ")
        position = end + 1
        if header[-1] in {b"missing", b"ambiguous"}:
            contents.append(None)
            continue
        size = int(header[-1])
        contents.append(output[position : position + size])
        position += size + 1
    return contents


def write_tree(git: GitCommand, base: str | None, files: Mapping[str, bytes]) -> str:
    """The id of `base`'s tree with the files put in; an empty tree below it when `base` is None."""
    with tempfile.TemporaryDirectory(prefix="penstock-") as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        blobs = _write_blobs(git, Path(folder), list(files.values()))
        git.run("read-tree", *([base] if base else ["--empty"]), environment=index)
        entries = "".join(f"100644 {blob}\t{path}\0" for path, blob in zip(files, blobs, strict=True))
        git.run("update-index", "-z", "--index-info", given=entries.encode(), environment=index)
        return git.run("write-tree", environment=index).decode().strip()


def write_commit(git: GitCommand, tree: str, parent: str | None, message: str, signature: Signature) -> str:
    """The id of a new commit; no ref points at it yet."""
    parents = ["-p", parent] if parent else []
    given = message.encode("utf-8", "backslashreplace")
    return git.run("commit-tree", tree, *parents, given=given, environment=signature.environment()).decode().strip()


def tree_of(git: GitCommand, commit: str) -> str:
    """The id of a commit's tree."""
    return git.text("rev-parse", "--verify", "--end-of-options", f"{commit}^{{tree}}")


def _write_blobs(git: GitCommand, folder: Path, contents: Sequence[bytes]) -> list[str]:
    """Write many blobs with one process, byte for byte: no filter and no line-ending conversion touches them."""
    if not contents:
        return []
    paths = [folder / f"blob-{number}" for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    given = "".join(f"{path}\n" for path in paths).encode()
    blobs = git.run("hash-object", "-w", "--no-filters", "--stdin-paths", given=given).decode().split()
    if len(blobs) != len(contents):
        raise RepositoryFailed(f"{git.directory}: git stored {len(blobs)} of {len(contents)} files")
    return blobs
