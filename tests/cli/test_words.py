"""What commands say of one thing, of a folder without git, and of what an organisation may refuse."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.inside import InsideShell
from tests.support.shell import simulator_thread
from tests.support.sources import module


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with simulator_thread() as served:
        yield served


@pytest.fixture
def shell(tmp_path: Path, url: str) -> InsideShell:
    return InsideShell(tmp_path, url)


def test_a_count_of_one_is_singular(shell: InsideShell) -> None:
    (shell.folder / "front.yaml").unlink()
    one = shell.run("validate")
    (shell.folder / "hours.flow.yaml").write_text("commonModule:\n  name: Hours\n  startUpRef: ./nowhere\n")
    wrong = shell.run("validate")

    assert "acme: 1 flow, no mistakes" in one.stdout
    assert "penstock: 1 uncommitted change is read, too: front.yaml" in one.stderr
    assert "1 mistake in 1 file:" in wrong.stdout


def test_a_folder_without_git_is_told(shell: InsideShell) -> None:
    """Its record stays in the folder, and nothing tells who changed what."""
    shutil.rmtree(shell.folder / ".git")

    validated, planned, applied = shell.run("validate"), shell.run("plan"), shell.run("apply")

    assert "this folder is in no git repository" in validated.stderr
    assert "the manifests come from no commit" in planned.stdout
    assert "recorded in this folder only: it is in no git repository" in applied.stdout


def test_a_module_in_a_module_is_a_warning_with_its_place(shell: InsideShell) -> None:
    shell.flow("hours", module("Hours", calls=["Front"]))
    text, document = shell.run("validate"), shell.json("validate")

    assert text.returncode == 0
    assert "warning: hours.flow.yaml:" in text.stdout
    (warning,) = document["warnings"]
    assert (warning["file"], document["valid"], document["mistakes"]) == ("hours.flow.yaml", True, [])
    assert "another common module" in warning["message"]
