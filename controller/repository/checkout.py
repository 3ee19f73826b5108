"""A revision as plain files in a folder of its own: no filters, no hooks, no submodules, nothing outside the folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from controller.domain.errors import RepositoryFailed
from controller.repository.command import GitCommand
from controller.repository.objects import read_objects
from controller.repository.revision import below

_BATCH_BYTES = 32 * 1024 * 1024
_LINK = "120000"
_SUBMODULE = "160000"
_EXECUTABLE = "100755"


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a commit's tree."""

    mode: str
    sha: str
    size: int
    path: str


def export_tree(git: GitCommand, commit: str, into: Path, leave_out: Collection[str] = ()) -> None:
    """Write a commit's files into the folder, which is emptied first; folders in `leave_out` are not written.

    Raises RepositoryFailed, and leaves the folder empty, when the tree holds a submodule, a link that points out of
    the folder, or a path that is not safe, and when the disk does not take it.
    """
    try:
        _export(git, commit, into, leave_out)
    except OSError as error:
        raise RepositoryFailed(
            f"{into} cannot be written: {error.strerror or type(error).__name__}",
            hint="free some space, or choose another PENSTOCK_WORK_DIR",
        ) from error


def _export(git: GitCommand, commit: str, into: Path, leave_out: Collection[str]) -> None:
    _clear(into)
    try:
        entries = [entry for entry in _entries(git, commit) if not below(entry.path, leave_out)]
        links = [entry for entry in entries if entry.mode == _LINK]
        _refuse_files_below_links(entries, {entry.path for entry in links})
        for batch in _batches([entry for entry in entries if entry.mode != _LINK]):
            _write_files(git, batch, into)
        _write_links(git, links, into)
    except BaseException:
        _clear(into)
        raise


def _clear(folder: Path) -> None:
    if folder.is_symlink() or folder.is_file():
        raise RepositoryFailed(f"{folder} is not a folder")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def _entries(git: GitCommand, commit: str) -> Iterator[Entry]:
    listing = git.run("ls-tree", "-r", "-z", "-l", "--full-tree", "--end-of-options", commit)
    for line in listing.split(b"\0"):
        if not line:
            continue
        facts, _, raw_path = line.partition(b"\t")
        mode, _, sha, size = facts.decode().split()
        path = os.fsdecode(raw_path)
        parts = path.split("/")
        if any(part in {"", ".", ".."} or part.lower() == ".git" for part in parts):
            raise RepositoryFailed(f"the path {path!r} in {commit[:12]} is not safe to check out")
        if mode == _SUBMODULE:
            raise RepositoryFailed(
                f"{path} in {commit[:12]} is a submodule", hint="submodules are not followed: put the files in"
            )
        yield Entry(mode, sha, int(size), path)


def _refuse_files_below_links(entries: Sequence[Entry], links: Collection[str]) -> None:
    """A forged tree can hold a link and a folder of the same name, to have a file written through the link."""
    for entry in entries:
        if any(str(parent) in links for parent in PurePosixPath(entry.path).parents):
            raise RepositoryFailed(f"the path {entry.path!r} stands below a link")


def _batches(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """Groups of entries small enough to hold in memory."""
    batch: list[Entry] = []
    size = 0
    for entry in entries:
        if batch and size + entry.size > _BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += entry.size
    if batch:
        yield batch


def _write_files(git: GitCommand, entries: Sequence[Entry], into: Path) -> None:
    for entry, content in zip(entries, read_objects(git, [entry.sha for entry in entries]), strict=True):
        if content is None:
            raise RepositoryFailed(f"{git.directory}: the content of {entry.path} is missing", hint="clone it again")
        target = into / entry.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        if entry.mode == _EXECUTABLE:
            target.chmod(0o755)


def _write_links(git: GitCommand, entries: Sequence[Entry], into: Path) -> None:
    """Links come last, so that no file is written through one; where they lead is checked once all stand."""
    for entry, content in zip(entries, read_objects(git, [entry.sha for entry in entries]), strict=True):
        target = into / entry.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(os.fsdecode(content or b""))
    top = os.path.realpath(into)
    for entry in entries:
        leads_to = os.path.realpath(into / entry.path)
        if os.path.commonpath([top, leads_to]) != top:
            raise RepositoryFailed(f"the link {entry.path} leads out of the repository", hint="replace it by a file")
