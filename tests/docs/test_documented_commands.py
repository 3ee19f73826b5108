"""Every command in README and docs is one that works: each is run here, in a repository with a simulator.

The commands of some pages need more than that; `ELSEWHERE` names the tests that run them.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.inside import InsideShell
from tests.support.patience import PATIENCE_S
from tests.support.penstock_in_path import penstock_in_path
from tests.support.service import eventually
from tests.support.shell import Shell, simulator_thread
from tests.support.sources import module

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^( *)```(?:sh|console|bash)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
OF_A_SHELL = re.compile(r"[|&;<>$`*?~(]")
"""In a command that a shell has to run."""
LONG_RUNNING = {"penstock run": "pass.done", "penstock simulator": "http://"}
"""Commands that end when they are told to, and what each says once it is at work."""


ELSEWHERE = {
    "deploy/monitoring/README.md": "deploy/test_monitoring.py",
    "docs/tutorial.md": "docs/test_tutorial.py",
    "docs/how-to/ask-a-controller.md": "docs/test_asking_a_controller.py",
    "docs/how-to/back-up.md": "docs/test_backing_up.py",
    "docs/how-to/build-the-image.md": "docs/test_building_the_image.py",
    "docs/how-to/check-what-a-flow-needs.md": "cli/test_missing_resources.py",
    "docs/how-to/decide.md": "docs/test_disasters.py",
    "docs/how-to/first-organisation.md": "docs/test_first_organisation.py",
    "docs/how-to/operate.md": "docs/test_operating.py",
    "docs/how-to/rotate-credentials.md": "docs/test_operating.py",
    "docs/how-to/run-in-kubernetes.md": "docs/test_running_in_kubernetes.py",
    "docs/how-to/run-with-compose.md": "deploy/test_compose.py",
    "docs/how-to/send-messages.md": "cli/test_notify.py",
    "docs/how-to/troubleshoot.md": "docs/test_operating.py",
    "docs/how-to/upgrade.md": "docs/test_upgrading.py",
    "docs/how-to/use-the-api.md": "service/test_api.py",
    "docs/how-to/verify-commits.md": "docs/test_signing_commits.py",
}
"""Pages that need more than one repository with a simulator, and the tests that run their commands."""


def documented() -> list[str]:
    """Every line of every shell block, without comments and prompts, in order and once."""
    own = (page for page in pages() if str(page.relative_to(ROOT)) not in ELSEWHERE)
    return list(dict.fromkeys(command for page in own for command in commands_of(page)))


def pages() -> list[Path]:
    """The pages whose commands are for readers of the project."""
    return sorted({ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")})


def commands_of(page: Path) -> list[str]:
    """The same of one page, each as often as it is there."""
    return commands_of_text(page.read_text(encoding="utf-8"))


def commands_of_text(text: str) -> list[str]:
    """The same of a part of a page."""
    found = []
    for _, block in _BLOCK.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            command = line.partition(" # ")[0].strip().removeprefix("$ ")
            if command and not command.startswith("#"):
                found.append(command)
    return found


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    with simulator_thread() as url, penstock_in_path(os.environ["PATH"]) as path:
        made = InsideShell(tmp_path_factory.mktemp("documented"), url)
        made.environment["PATH"] = path
        made.environment["PENSTOCK_REPOSITORY_URL"] = str(made.folder)
        made.environment["PENSTOCK_HTTP_ADDRESS"] = "127.0.0.1:0"
        made.environment["URL"] = url
        made.environment["PENSTOCK_WORK_DIR"] = str(made.folder.parent / "work")
        (made.folder / "flows").mkdir()
        (made.folder / "flows" / "hours.yaml").write_text(module("Hours"))
        made.commit()
        assert made.run("apply").returncode == 0
        # The tests of one page may run in several processes, each with a shell of its own.
        assert made.run("plan", "--out", "plan.json").returncode == 0
        yield made


def test_the_documents_show_commands() -> None:
    assert "make demo" in documented()
    assert "penstock plan" in documented()


@pytest.mark.parametrize("command", [command for command in documented() if command.startswith("make ")])
def test_documented_make_targets_exist(command: str) -> None:
    done = subprocess.run([*shlex.split(command), "--dry-run"], cwd=ROOT, check=False, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", [command for command in documented() if not command.startswith("make ")])
def test_documented_commands_run(command: str, shell: Shell, tmp_path: Path) -> None:
    if command.startswith(tuple(LONG_RUNNING)):
        _runs_until_it_is_told_to_end(command, shell, tmp_path / "output")
        return
    if command.startswith("penstock ") and not OF_A_SHELL.search(command):
        done = shell.run(*shlex.split(command)[1:])
    else:
        done = subprocess.run(
            command,
            cwd=shell.folder,
            env=shell.environment,
            shell=True,
            check=False,
            capture_output=True,
            text=True,
            timeout=300,
        )

    assert done.returncode in (0, 2), done.stdout + done.stderr


def _runs_until_it_is_told_to_end(command: str, shell: Shell, output: Path) -> None:
    says = next(words for name, words in LONG_RUNNING.items() if command.startswith(name))
    with output.open("w") as file:
        # Another run on this machine may hold the port that the page names.
        process = subprocess.Popen(
            shlex.split(re.sub(r"--port \d+", "--port 0", command)),
            cwd=shell.folder,
            env={**shell.environment, "PENSTOCK_LOG_LEVEL": "info"},
            stdout=file,
            stderr=file,
        )
    try:
        eventually(lambda: process.poll() is not None or says in output.read_text(), f"{command} is at work")
        assert process.poll() is None, output.read_text()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=PATIENCE_S) == 0, output.read_text()
    finally:
        process.kill()
        process.wait()
