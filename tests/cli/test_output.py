"""Where the output goes: a reader that went away is neither success nor failure, a full disk is told in a sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import Command
from tests.support.shell import Shell, simulator_thread


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    with simulator_thread() as url:
        yield Shell(tmp_path_factory.mktemp("output"), url)


def into(shell: Shell, descriptor: int, *arguments: str) -> tuple[int, str]:
    """The exit code and stderr of the command with its output there.

    `validate` is an interpreter of its own, whose end is its own as well; the others are forked, at half the cost.
    """
    # What is written is kept back in the process until it ends, as with any pipe or file.
    options = {
        "cwd": shell.folder,
        "env": {name: value for name, value in shell.environment.items() if name != "PYTHONUNBUFFERED"},
        "stdout": descriptor,
        "stderr": subprocess.PIPE,
    }
    if arguments[0] == "validate":
        process = subprocess.Popen([sys.executable, "-m", "controller", *arguments], text=True, **options)
    else:
        process = Command(*arguments, strict=False, **options)
    with process:
        _, told = process.communicate(timeout=300)
    return process.returncode, told


@pytest.mark.parametrize("command", ["validate", "schema", "status", "nonsense --format json"])
def test_a_reader_that_went_away_is_neither_success_nor_failure(shell: Shell, command: str) -> None:
    """As with programs that the signal of a broken pipe ends: nobody takes it for a mistake that was found."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        code, told = into(shell, writer, *command.split())
    finally:
        os.close(writer)

    assert (code, told) == (141, "")


@pytest.mark.parametrize("command", [("validate",), ("schema",), ("plan", "--format", "json"), ("status",)])
def test_a_disk_without_room_for_the_output_is_told_in_a_sentence(shell: Shell, command: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        code, told = into(shell, full.fileno(), *command)

    assert code == 1
    assert told.startswith("penstock: the output cannot be written: No space left on device")
    assert "Traceback" not in told
    assert "Exception ignored" not in told


def test_a_saved_plan_that_is_not_there_is_not_called_malformed(shell: Shell) -> None:
    told = shell.run("apply", "--plan", "nowhere.json")

    assert told.returncode == 1
    assert "nowhere.json cannot be read: No such file or directory" in told.stderr
