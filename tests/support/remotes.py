"""A bare remote and a clone of it, and what passes between the two without a process.

The pair is copied from one that is made once: git takes five processes to make it, seven to push and four to fetch.
Between two folders both are copies of loose objects and the change of a ref, which git itself guards with a lock file.
"""

from __future__ import annotations

import subprocess
import tempfile
from functools import cache
from pathlib import Path
from shutil import copyfile, copytree

_BRANCHES, _TRACKED = "refs/heads", "refs/remotes/origin"


def remote_and_clone(folder: Path) -> tuple[Path, Path]:
    """`remote.git` and `clone` in the folder; the branch of both is `main`, and neither has a commit."""
    pair = _pair()
    remote, clone = folder / "remote.git", folder / "clone"
    for each in (remote, clone):
        copytree(pair / each.name, each, copy_function=copyfile)
    settings = clone / ".git" / "config"
    settings.write_text(settings.read_text("utf-8").replace(str(pair / "remote.git"), str(remote)), "utf-8")
    return remote, clone


def tip(repository: Path, ref: str = "HEAD") -> str | None:
    """The commit of a loose ref; None where there is none."""
    try:
        text = (repository / ref).read_text("ascii").strip()
    except FileNotFoundError:
        return None
    return tip(repository, text.removeprefix("ref: ")) if text.startswith("ref: ") else text


def push(clone: Path, remote: Path, sha: str, ref: str, *, old: str | None) -> bool:
    """Move a ref of the remote from the old commit to one of the clone.

    False where git has to decide: the ref is elsewhere, there are hooks to be asked, or objects or refs are packed.
    """
    if not (_plain(clone / ".git") and _plain(remote)) or any((remote / "hooks").glob("*")):
        return False
    _copy_objects(clone / ".git", remote)
    if not _move(remote, ref, sha, old=old):
        return False
    if ref.startswith(_BRANCHES):
        _write(clone / ".git" / _TRACKED / ref.removeprefix(f"{_BRANCHES}/"), sha)
    return True


def fetch(remote: Path, clone: Path) -> bool:
    """Bring the remote's branches to the clone; False where git has to do it."""
    if not (_plain(clone / ".git") and _plain(remote)):
        return False
    branches = remote / _BRANCHES
    names = [
        str(each.relative_to(branches)) for each in branches.rglob("*") if each.is_file() and each.suffix != ".lock"
    ]
    wanted = {name: tip(remote, f"{_BRANCHES}/{name}") for name in names}
    _copy_objects(remote, clone / ".git")
    for name, sha in wanted.items():
        if sha is not None and sha != tip(clone / ".git", f"{_TRACKED}/{name}"):
            _write(clone / ".git" / _TRACKED / name, sha)
    return True


def _plain(repository: Path) -> bool:
    packed = repository / "packed-refs", repository / "objects" / "info" / "alternates"
    folder = repository / "objects"
    return folder.is_dir() and not any(each.exists() for each in packed) and not any((folder / "pack").glob("*.pack"))


def _copy_objects(source: Path, target: Path) -> None:
    for folder in (source / "objects").iterdir():
        if len(folder.name) != 2:
            continue
        there = target / "objects" / folder.name
        there.mkdir(exist_ok=True)
        held = {each.name for each in there.iterdir()}
        for each in folder.iterdir():
            # What git is writing has another name until it is whole.
            if len(each.name) == 38 and each.name not in held:
                (there / each.name).hardlink_to(each)


def _move(repository: Path, ref: str, sha: str, *, old: str | None) -> bool:
    lock = repository / f"{ref}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    try:
        lock.touch(exist_ok=False)
    except FileExistsError:
        return False
    if tip(repository, ref) != old:
        lock.unlink()
        return False
    lock.write_text(f"{sha}\n", "ascii")
    lock.replace(repository / ref)
    return True


def _write(ref: Path, sha: str) -> None:
    ref.parent.mkdir(parents=True, exist_ok=True)
    ref.write_text(f"{sha}\n", "ascii")


@cache
def _pair() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="pair-"))
    # Without the examples of hooks that git puts into each repository: every copy would have 13 twice.
    template = folder / "template"
    for each in ("hooks", "info"):
        (template / each).mkdir(parents=True)
    _git(folder, "init", "--quiet", "--bare", "--initial-branch=main", f"--template={template}", "remote.git")
    # Else git asks the remote itself for its own refs, with a process, after each push.
    _git(folder / "remote.git", "config", "core.alternateRefsCommand", "true")
    _git(folder, "clone", "--quiet", f"--template={template}", str(folder / "remote.git"), "clone")
    _git(folder / "clone", "config", "user.name", "Flow Author")
    _git(folder / "clone", "config", "user.email", "author@example.com")
    _git(folder / "clone", "checkout", "--quiet", "-B", "main")
    return folder


def _git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, timeout=60)
