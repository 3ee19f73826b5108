"""What `tests.support.penstock_in_path` puts in a shell's path does what `penstock` does there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller import __version__
from tests.support.commands import run
from tests.support.patience import PATIENCE_S
from tests.support.penstock_in_path import penstock_in_path
from tests.support.service import eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every command is an interpreter")


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    with penstock_in_path(os.environ["PATH"]) as path:
        yield {**os.environ, "PATH": path}


def bash(script: str, environment: dict[str, str], **options: object) -> subprocess.CompletedProcess[str]:
    words = ["bash", "-o", "pipefail", "-c", script]
    return subprocess.run(words, env=environment, check=False, capture_output=True, text=True, timeout=300, **options)  # type: ignore[call-overload, no-any-return]


def test_it_answers_in_the_folder_with_the_streams_and_the_code_of_the_command(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    (tmp_path / "below").mkdir()
    script = "cd below && penstock schema >schema.json && penstock --version | cat; penstock wrong; echo $?"
    real = Path(sys.executable).with_name("penstock")

    done = bash(script, environment, cwd=tmp_path)
    other = subprocess.run([real, "wrong"], check=False, capture_output=True, text=True)

    assert done.stdout.splitlines() == [*other.stdout.splitlines(), f"penstock {__version__}", str(other.returncode)]
    assert done.stderr == other.stderr
    assert other.returncode != 0
    assert json.loads((tmp_path / "below" / "schema.json").read_text())


def started(output: Path, environment: dict[str, str]) -> tuple[subprocess.Popen[bytes], Path]:
    """The client of a command that is at work, and the folder of the command's own process."""
    assert run("--version", env=environment).returncode == 0, "the server that forks is there"
    script, before = "exec penstock simulator --port 0", _children()
    with output.open("w") as file:
        client = subprocess.Popen(["bash", "-c", script], env=environment, stdout=file)
    eventually(lambda: "http://" in output.read_text(), "the simulator is at work")
    [command] = _children() - before - {client.pid}
    return client, Path(f"/proc/{command}")


def _children() -> set[int]:
    tasks = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return {int(each) for task in tasks for each in task.read_text().split()}


def test_signals_are_passed_on(tmp_path: Path, environment: dict[str, str]) -> None:
    client, command = started(tmp_path / "output", environment)

    client.send_signal(signal.SIGTERM)

    assert client.wait(timeout=PATIENCE_S) == 0
    assert not command.exists()


def test_a_command_that_is_killed_ends_its_client_in_the_same_way(tmp_path: Path, environment: dict[str, str]) -> None:
    client, command = started(tmp_path / "output", environment)

    os.kill(int(command.name), signal.SIGKILL)

    assert client.wait(timeout=PATIENCE_S) == -signal.SIGKILL


def test_a_command_dies_with_its_client(tmp_path: Path, environment: dict[str, str]) -> None:
    client, command = started(tmp_path / "output", environment)

    client.kill()
    client.wait(timeout=PATIENCE_S)

    eventually(lambda: not command.exists(), "the command is gone")
