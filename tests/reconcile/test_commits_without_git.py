"""A commit that the tests make without git is the one that git would make."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import remotes
from tests.support.committing import without_git


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    return remotes.remote_and_clone(tmp_path)[1]


def git(clone: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=clone, check=True, capture_output=True, text=True).stdout.strip()


def fill(clone: Path) -> None:
    for path, text in {"a.yaml": "a", "a/b/c.yaml": "c", "a-b": "x" * 5000, "\u00e4": "", "n" * 200: "\n"}.items():
        (clone / path).parent.mkdir(parents=True, exist_ok=True)
        (clone / path).write_text(text, "utf-8")
    (clone / "run").write_text("#!/bin/sh")
    (clone / "run").chmod(0o755)
    (clone / "link").symlink_to("run")
    (clone / "empty").mkdir()


@pytest.mark.parametrize("named", ["by the environment", "by the clone"])
def test_it_has_the_tree_index_author_and_message_that_git_would_give_it(
    clone: Path, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if named == "by the clone":
        for each in ("AUTHOR_NAME", "AUTHOR_EMAIL", "COMMITTER_NAME", "COMMITTER_EMAIL"):
            monkeypatch.delenv(f"GIT_{each}")
        git(clone, "config", "user.name", "Somebody Else")
    fill(clone)
    first = without_git(clone, "First")
    assert first == git(clone, "rev-parse", "main")
    (clone / "a.yaml").unlink()
    (clone / "run").write_text("other")
    second = without_git(clone, "Second: \u00e4")
    assert second == git(clone, "rev-parse", "HEAD")
    assert git(clone, "status", "--porcelain") == ""
    git(clone, "fsck", "--strict", "--full")
    form = "--format=%P %an <%ae> %cn <%ce> %T %B"
    made = git(clone, "log", "-1", form)
    git(clone, "reset", "--quiet", "--soft", "HEAD~1")
    git(clone, "rm", "--quiet", "-r", "--cached", ".")
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "--message", "Second: \u00e4")
    assert git(clone, "log", "-1", form) == made


def _ignore(clone: Path) -> None:
    (clone / ".gitignore").write_text("new\n")


def _attribute(clone: Path) -> None:
    (clone / ".gitattributes").write_text("*.crlf text\n")
    (clone / "lines.crlf").write_bytes(b"1\r\n2\r\n")


@pytest.mark.parametrize(
    "odd",
    [
        _ignore,
        _attribute,
        lambda clone: git(clone, "checkout", "--quiet", "--detach"),
        lambda clone: git(clone, "config", "core.autocrlf", "true"),
        lambda clone: (clone / ".git" / "info" / "exclude").write_text("new"),
    ],
)
def test_an_odd_clone_is_read_as_git_reads_it(clone: Path, odd: Callable[[Path], object]) -> None:
    fill(clone)
    without_git(clone, "First")
    (clone / "new").write_bytes(b"new\r\n")
    (clone / "other").write_text("other")
    odd(clone)
    sha = without_git(clone, "Second")
    assert sha == git(clone, "rev-parse", "HEAD")
    git(clone, "rm", "--quiet", "-r", "--cached", ".")
    git(clone, "add", "--all")
    assert git(clone, "write-tree") == git(clone, "rev-parse", "HEAD^{tree}")


@pytest.mark.parametrize(
    "asking",
    [
        lambda clone: (clone / ".git" / "hooks" / "pre-commit").write_text("exit 1"),
        lambda clone: git(clone, "config", "core.hooksPath", "elsewhere"),
        lambda clone: git(clone, "config", "commit.gpgSign", "true"),
        lambda clone: (clone / ".git" / "MERGE_HEAD").write_text(git(clone, "rev-parse", "HEAD") + "\n"),
        lambda clone: (clone / "new").unlink(),  # nothing has changed
    ],
)
def test_what_needs_a_decision_is_left_to_git(clone: Path, asking: Callable[[Path], object]) -> None:
    fill(clone)
    before = without_git(clone, "First")
    (clone / "new").write_text("new")
    asking(clone)
    assert without_git(clone, "Second") is None
    assert git(clone, "rev-parse", "HEAD") == before
