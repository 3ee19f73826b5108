"""Commits all files of a clone without a process: git takes three for it, and nearly every test commits.

What it cannot do as git would, it leaves to git.
"""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import time
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from tests.support.remotes import tip, write_ref

_FOLDER, _LINK, _FILE, _PROGRAM = 0o40000, 0o120000, 0o100644, 0o100755
_SPECIAL = frozenset({".git", ".gitignore", ".gitattributes", ".gitmodules"})
"""Files that say how others are read, and the repository of a submodule."""
_NAMES = frozenset({"GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"})
_SET = frozenset({"GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE", "GIT_CONFIG_COUNT", "GIT_INDEX_FILE"})
"""Variables that git needs for its commit, and those that would change it."""
_KNOWN = frozenset(
    {
        *("repositoryformatversion", "filemode", "bare", "logallrefupdates"),
        *("url", "fetch", "remote", "merge", "name", "email"),
    }
)
"""Settings that change nothing in a commit, where the environment names its author."""


class _Entry(NamedTuple):
    name: bytes
    mode: int
    object_id: bytes

    @property
    def order(self) -> bytes:
        return self.name + b"/" if self.mode == _FOLDER else self.name


class _LeftToGit(Exception):  # noqa: N818 - it never leaves this module
    pass


def commit_all(clone: Path, message: str) -> None:
    """Commit all files below the clone. Raises CalledProcessError where none has changed."""
    if without_git(clone, message) is None:
        for words in (("add", "--all"), ("commit", "--quiet", "--message", message)):
            subprocess.run(["git", *words], cwd=clone, check=True, capture_output=True, timeout=60)


def without_git(clone: Path, message: str) -> str | None:
    """The commit of all files below the clone on its branch; None, with nothing done, where git has to decide."""
    git = clone / ".git"
    branch = (git / "HEAD").read_text("ascii").strip()
    if not _plain(git) or not branch.startswith("ref: "):
        return None
    parent = tip(git)
    try:
        index: list[_Entry] = []
        tree = _tree(git, clone, b"", index)
        if parent is not None and _tree_of(git, parent) == tree.hex():
            return None  # git says that there is nothing to commit
    except _LeftToGit:
        return None
    parents = "" if parent is None else f"parent {parent}\n"
    text = f"tree {tree.hex()}\n{parents}{_signed('author')}{_signed('committer')}\n{message}\n"
    sha = _object(git, "commit", text.encode()).hex()
    (git / "index").write_bytes(_index(index))
    write_ref(git / branch.removeprefix("ref: "), sha)
    return sha


def _plain(git: Path) -> bool:
    settings = [line.partition("=")[0].strip() for line in (git / "config").read_text("utf-8").splitlines()]
    hooks = [each for each in (git / "hooks").glob("*") if each.suffix != ".sample"]
    exclude = git / "info" / "exclude"
    excluded = exclude.exists() and any(not line.startswith("#") for line in exclude.read_text("utf-8").splitlines())
    others = (git / "MERGE_HEAD").exists() or (git / "info" / "attributes").exists()
    known = all(name in _KNOWN or name.startswith("[") for name in settings) and os.environ.keys() >= _NAMES
    return known and not (hooks or excluded or others or os.environ.keys() & _SET)


def _tree(git: Path, folder: Path, path: bytes, index: list[_Entry]) -> bytes:
    """The id of the tree of a folder; adds its files to the index."""
    found = sorted(_entries(git, folder, path, index), key=lambda entry: entry.order)
    return _object(git, "tree", b"".join(b"%o %b\0%b" % (each.mode, each.name, each.object_id) for each in found))


def _entries(git: Path, folder: Path, path: bytes, index: list[_Entry]) -> Iterator[_Entry]:
    for each in folder.iterdir():
        if each == git:
            continue
        if each.name in _SPECIAL:
            raise _LeftToGit
        name, mode = os.fsencode(each.name), each.lstat().st_mode
        if stat.S_ISDIR(mode):
            files = len(index)
            tree = _tree(git, each, path + name + b"/", index)
            # Git keeps no empty folder.
            if len(index) > files:
                yield _Entry(name, _FOLDER, tree)
            continue
        blob = _object(git, "blob", os.fsencode(each.readlink()) if stat.S_ISLNK(mode) else each.read_bytes())
        kind = _LINK if stat.S_ISLNK(mode) else _PROGRAM if mode & stat.S_IXUSR else _FILE
        index.append(_Entry(path + name, kind, blob))
        yield _Entry(name, kind, blob)


def _object(git: Path, kind: str, content: bytes) -> bytes:
    """The id of an object, which is written where it is not there."""
    stored = b"%b %d\0%b" % (kind.encode(), len(content), content)
    found = hashlib.sha1(stored)  # noqa: S324 - git's own
    file = git / "objects" / found.hexdigest()[:2] / found.hexdigest()[2:]
    if not file.exists():
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(zlib.compress(stored, 1))
    return found.digest()


def _tree_of(git: Path, commit: str) -> str:
    try:
        stored = zlib.decompress((git / "objects" / commit[:2] / commit[2:]).read_bytes())
    except FileNotFoundError:
        raise _LeftToGit from None
    return stored.partition(b"\0tree ")[2][:40].decode()


def _signed(role: str) -> str:
    name, email = (os.environ[f"GIT_{role.upper()}_{part}"] for part in ("NAME", "EMAIL"))
    return f"{role} {name} <{email}> {int(time.time())} {time.strftime('%z')}\n"


def _index(entries: Iterable[_Entry]) -> bytes:
    """Git's index (gitformat-index, version 2), without what it knows of the files on disk."""
    found = sorted(entries)
    lines = []
    for each in found:
        line = b"%b%b%b%b%b" % (
            bytes(24),
            each.mode.to_bytes(4, "big"),
            bytes(12),
            each.object_id,
            min(len(each.name), 0xFFF).to_bytes(2, "big") + each.name,
        )
        lines.append(line + bytes(8 - len(line) % 8))
    text = b"DIRC" + (2).to_bytes(4, "big") + len(found).to_bytes(4, "big") + b"".join(lines)
    return text + hashlib.sha1(text).digest()  # noqa: S324 - git's own
