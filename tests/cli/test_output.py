"""Where the output goes: a reader that went away is neither success nor failure, a full disk is told in a sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.simulator.serve import running
from controller.simulator.settings import SimulatorSettings
from controller.simulator.simulator import Simulator
from tests.support.shell import Shell


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    with running(Simulator(settings=SimulatorSettings(time_scale=50))) as url:
        yield Shell(tmp_path, url)


def into(shell: Shell, descriptor: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command with its output there, kept back in the process until it ends as with any pipe or file."""
    buffered = {name: value for name, value in shell.environment.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(
        [sys.executable, "-m", "controller", *arguments],
        cwd=shell.folder,
        env=buffered,
        check=False,
        stdout=descriptor,
        stderr=subprocess.PIPE,
        text=True,
        timeout=300,
    )


@pytest.mark.parametrize("command", ["validate", "schema", "status", "nonsense --format json"])
def test_a_reader_that_went_away_is_neither_success_nor_failure(shell: Shell, command: str) -> None:
    """As with programs that the signal of a broken pipe ends: nobody takes it for a mistake that was found."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = into(shell, writer, *command.split())
    finally:
        os.close(writer)

    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("command", [("validate",), ("schema",), ("plan", "--format", "json"), ("status",)])
def test_a_disk_without_room_for_the_output_is_told_in_a_sentence(shell: Shell, command: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = into(shell, full.fileno(), *command)

    assert done.returncode == 1
    assert done.stderr.startswith("penstock: the output cannot be written: No space left on device")
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_a_saved_plan_that_is_not_there_is_not_called_malformed(shell: Shell) -> None:
    told = shell.run("apply", "--plan", "nowhere.json")

    assert told.returncode == 1
    assert "nowhere.json cannot be read: No such file or directory" in told.stderr
