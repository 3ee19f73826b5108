"""A bare remote and a clone of it, copied from a pair that is made once: git takes five processes to make them."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path


def remote_and_clone(folder: Path) -> tuple[Path, Path]:
    """`remote.git` and `clone` in the folder; the branch of both is `main`, and neither has a commit."""
    pair = _pair()
    remote, clone = folder / "remote.git", folder / "clone"
    shutil.copytree(pair / "remote.git", remote)
    shutil.copytree(pair / "clone", clone)
    settings = clone / ".git" / "config"
    settings.write_text(settings.read_text("utf-8").replace(str(pair / "remote.git"), str(remote)), "utf-8")
    return remote, clone


@cache
def _pair() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="pair-"))
    _git(folder, "init", "--quiet", "--bare", "--initial-branch=main", "remote.git")
    _git(folder, "clone", "--quiet", str(folder / "remote.git"), "clone")
    _git(folder / "clone", "config", "user.name", "Flow Author")
    _git(folder / "clone", "config", "user.email", "author@example.com")
    _git(folder / "clone", "checkout", "--quiet", "-B", "main")
    return folder


def _git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, timeout=60)
