"""The commands of operate.md, rotate-credentials.md and troubleshoot.md, where a delivery was made."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.how_to import Page, succeeded
from tests.support.inside import InsideShell
from tests.support.shell import Shell, simulator_thread
from tests.support.sources import module

RECORDS = "refs/heads/penstock/records"


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A clone with a remote, after a delivery."""
    with simulator_thread() as url:
        made = InsideShell(tmp_path, url)
        remote = tmp_path / "remote.git"
        subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", str(remote)], check=True)
        made.git("remote", "add", "origin", str(remote))
        made.git("push", "--quiet", "--set-upstream", "origin", "main")
        done = made.run("apply", "--yes")
        assert done.returncode == 0, done.stderr
        made.git("fetch", "--quiet", "origin")
        yield made


def test_a_suspension_of_the_page_holds_until_it_is_lifted(shell: Shell) -> None:
    page = Page("operate.md")
    assert page.headings() == {"Every day", "Stop everything"}
    succeeded(page.run(shell, "Every day"))
    suspend, resume = page.commands("Stop everything")

    shell.flow("hours", module("Hours", says="We are open"))
    shell.commit()
    shell.git("push", "--quiet")

    assert shell.run(*_words(suspend)).returncode == 0
    refused = shell.run("apply", "--yes")
    assert (refused.returncode, "freeze of the network" in refused.stdout + refused.stderr) == (3, True)
    assert shell.run(*_words(resume)).returncode == 0
    assert shell.run("apply", "--yes").returncode == 0


def _words(command: str) -> list[str]:
    name, _, reason = command.removeprefix("penstock ").partition(" --reason ")
    return [name, "--reason", reason.strip('"')]


def test_the_commands_about_credentials_run(shell: Shell) -> None:
    page = Page("rotate-credentials.md")
    succeeded(page.run(shell, *sorted(page.headings())))


def test_a_lost_records_branch_comes_back_from_a_clone(shell: Shell) -> None:
    page = Page("troubleshoot.md")
    before = shell.git("ls-remote", "origin", RECORDS)
    remote = shell.git("remote", "get-url", "origin")
    subprocess.run(["git", "-C", remote, "update-ref", "-d", RECORDS], check=True)
    gone = shell.run("plan")
    assert (gone.returncode, "[branch-gone]" in gone.stderr) == (1, True)
    [commit] = re.findall(r"it was at ([0-9a-f]{12})", gone.stderr)
    shell.environment["COMMIT"] = commit

    succeeded(page.run(shell, "A branch is gone"))

    assert shell.git("ls-remote", "origin", RECORDS) == before
    assert "in sync, nothing to do" in shell.run("plan").stdout


def test_the_other_commands_about_symptoms_run(shell: Shell) -> None:
    page = Page("troubleshoot.md")
    succeeded(page.run(shell, *sorted(page.headings() - {"A branch is gone"})))
