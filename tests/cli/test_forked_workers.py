"""Workers of pytest-xdist that `tests.support.forked_workers` forks do what interpreters do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every worker is an interpreter")

_CONFTEST = """
import contextlib
from tests.support.forked_workers import forking

def pytest_xdist_setupnodes(config, specs):
    run = contextlib.ExitStack()
    run.enter_context(forking(config.invocation_params.args, specs))
    config.add_cleanup(run.close)
"""
_PASSES = """
import os
import pytest
open({file!r}, "a").write(f"{{os.getpid()}}\\n")

@pytest.mark.parametrize("number", range(20))
def test_number(number, tmp_path, capfd):
    os.write(1, str(number).encode())
    assert capfd.readouterr().out == str(number)
"""


class Project:
    """A folder of tests of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.imported = folder / "imported"
        self.write("conftest.py", _CONFTEST)
        self.write("test_passes.py", _PASSES.format(file=str(self.imported)))
        self.write("pytest.ini", "[pytest]\naddopts = --import-mode=importlib\n")

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def run(self, *arguments: str) -> str:
        words = [sys.executable, "-m", "pytest", "-n2", "-p", "no:cacheprovider", "-p", "no:schemathesis", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        for name in ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_XDIST_TESTRUNUID"):
            environment.pop(name, None)
        done = subprocess.run(
            words, cwd=self.folder, env=environment, check=False, capture_output=True, text=True, timeout=300
        )
        return done.stdout + done.stderr

    def importers(self) -> set[str]:
        """Processes that have imported the module whose tests pass."""
        return set(self.imported.read_text().split())


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_modules_of_tests_are_imported_once_for_all_workers(project: Project) -> None:

    assert "20 passed" in project.run()
    assert len(project.importers()) == 1


def test_what_fails_in_a_forked_worker_is_reported(project: Project) -> None:
    project.write("test_fails.py", "def test_it(): print('said before'); assert [1] == [2]\n")

    told = project.run()
    assert "1 failed, 20 passed" in told
    assert "said before" in told
    assert "assert [1] == [2]" in told


def test_a_worker_that_dies_is_replaced(project: Project) -> None:
    project.write("test_dies.py", "import os\ndef test_it(): os._exit(7)\n")

    told = project.run()
    assert "1 failed, 20 passed" in told
    assert "crashed while running 'test_dies.py::test_it'" in told
    assert len(project.importers()) == 1


def test_a_module_that_cannot_be_imported_is_an_error(project: Project) -> None:
    """Python keeps a module whose import has failed half-way: to a forked worker it would be one without tests."""
    project.write("test_broken.py", "import pytest\nraise RuntimeError('half-way')\n")

    told = project.run()
    assert "half-way" in told
    assert "ERROR test_broken.py" in told
    assert len(project.importers()) == 3


def test_workers_are_interpreters_where_a_test_starts_a_thread_when_it_is_imported(project: Project) -> None:
    project.write(
        "test_thread.py",
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\ndef test_it(): pass\n",
    )

    told = project.run()
    assert "21 passed" in told
    assert "No worker of pytest-xdist is forked" in told
    assert len(project.importers()) == 3
