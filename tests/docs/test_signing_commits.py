"""docs/how-to/verify-commits.md works from top to bottom, and what it sets up refuses a commit without a signature."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.test_documented_commands import commands_of
from tests.support.penstock_in_path import penstock_in_path
from tests.support.shell import Shell, simulator_thread
from tests.support.signing import made_keys

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "verify-commits.md"


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    with made_keys() as keys, simulator_thread() as url, penstock_in_path(os.environ["PATH"]) as path:
        made = Shell(tmp_path, url)
        made.environment["HOME"] = str(keys.folder)
        made.environment["GNUPGHOME"] = str(keys.folder / "gnupg")
        made.environment["PATH"] = path
        yield made


def run(shell: Shell, *commands: str) -> str:
    done = subprocess.run(
        ["bash", "-o", "errexit", "-o", "pipefail", "-c", "\n".join(commands)],
        cwd=shell.folder,
        env=shell.environment,
        check=False,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_the_page_sets_up_signers_and_an_unsigned_commit_is_refused(shell: Shell) -> None:
    commands = commands_of(PAGE)
    assert [each for each in commands if each == "penstock plan"] == ["penstock plan"] * 2
    unsigned = 'git commit --quiet --allow-empty --no-gpg-sign --message "Do not sign"'

    output = run(shell, *commands, "echo -- unsigned", unsigned, "penstock plan || true")

    signed, _, refused = output.partition("-- unsigned")
    assert "not verified" not in signed
    assert "is not verified: it is not signed" in refused
