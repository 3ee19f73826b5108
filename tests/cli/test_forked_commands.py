"""What `tests.support.commands` forks is the process that `python -m` starts: other tests rely on it."""

from __future__ import annotations

import json
import os
import pty
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import Command, run

ROOT = Path(__file__).parents[2]
PROBE = "tests.support.probe"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every command is an interpreter")


def interpreter(*arguments: str, strict: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
    """The probe as `python -m` starts it."""
    words = [sys.executable, *(("-W", "error") if strict else ()), "-m", PROBE, *arguments]
    return subprocess.run(words, check=False, capture_output=True, text=True, cwd=ROOT, **options)


def forked(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """The probe as a command of the tests."""
    return run(*arguments, module=PROBE, cwd=ROOT, **options)


def told(start: Callable[..., subprocess.CompletedProcess[str]], file: Path, **options: Any) -> dict[str, Any]:
    done = start(str(file), "", **options)
    assert done.returncode == 0, done.stderr
    return json.loads(file.read_text())


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """How many modules an interpreter has imported, and a command that is forked."""
    file = tmp_path_factory.mktemp("imported") / "told"
    return {start.__name__: told(start, file)["imported"] for start in (interpreter, forked)}


@pytest.mark.parametrize("strict", [True, False])
def test_a_forked_command_begins_as_an_interpreter_does(tmp_path: Path, strict: bool) -> None:
    environment = {**os.environ, "TZ": "Asia/Tokyo", "TMPDIR": str(tmp_path), "OWN": "1", "EMPTY": ""}
    del environment["HOME"]
    one = told(interpreter, tmp_path / "told", strict=strict, env=environment)
    other = told(forked, tmp_path / "told", strict=strict, env=environment)

    assert one.pop("random") != other.pop("random")
    assert 0 < one.pop("imported") < other.pop("imported")
    assert (one["zone"], one["temporary"], one["threads"]) == ("JST", str(tmp_path), 1)
    assert one == other


def test_two_forked_commands_draw_different_numbers(tmp_path: Path) -> None:
    assert told(forked, tmp_path / "one")["random"] != told(forked, tmp_path / "other")["random"]


def test_a_forked_command_has_the_limits_of_the_test(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft - 1, hard))
    try:
        found = told(forked, tmp_path / "told")["limits"][0]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert found == [soft - 1, hard]
    assert told(forked, tmp_path / "told")["limits"][0] == [soft, hard]


@pytest.mark.parametrize("end", ["exit", "words", "raise", "kill", "interrupt", "warn", "thread", "unclosed"])
def test_a_forked_command_ends_as_an_interpreter_does(tmp_path: Path, end: str) -> None:
    one, other = (start(str(tmp_path / "told"), end) for start in (interpreter, forked))

    assert (one.returncode, one.stdout) == (other.returncode, other.stdout)
    if end != "kill":
        assert "at the end" in one.stdout
    # A traceback names the lines of `runpy` as well, which differ.
    assert one.stderr.splitlines()[-1:] == other.stderr.splitlines()[-1:]
    if end in {"words", "raise", "warn", "unclosed"}:
        assert one.stderr


def test_a_forked_command_on_a_terminal_has_its_streams_as_an_interpreter_does(tmp_path: Path) -> None:
    main, side = pty.openpty()
    ends = {"stdin": side, "stdout": side, "stderr": side, "cwd": ROOT}
    words = [sys.executable, "-W", "error", "-m", PROBE, tmp_path / "one", ""]
    assert subprocess.run(words, check=False, **ends).returncode == 0
    with Command(str(tmp_path / "other"), "", module=PROBE, **ends) as process:
        assert process.wait() == 0
    os.close(side)
    os.close(main)

    one, other = (json.loads((tmp_path / name).read_text())["streams"] for name in ("one", "other"))
    assert one == other
    assert [stream[3] for stream in one] == [True, True, True] or "PYTHONUNBUFFERED" in os.environ


def test_a_forked_command_is_a_child_of_the_test_and_can_be_killed() -> None:
    with Command("simulator", "--port", "0", strict=False, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        assert Path(f"/proc/{process.pid}/stat").read_text().split()[3] == str(os.getpid())
        assert process.poll() is None
        process.kill()
        assert process.wait(timeout=60) == -signal.SIGKILL


def test_the_test_is_a_parent_of_orphans_only_while_a_command_starts(tmp_path: Path) -> None:
    assert forked(str(tmp_path / "told"), "orphan").returncode == 0
    (parent,) = (tmp_path / "told.orphan").read_text().split()

    assert parent != str(os.getpid())


@pytest.mark.parametrize("variable", ["PYTHONUTF8", "LC_ALL", "FORCE_COLOR", "PATH", "WEBSOCKETS_MAX_REDIRECTS"])
def test_a_variable_that_is_read_at_import_makes_an_interpreter_of_its_own(
    tmp_path: Path, imported: dict[str, int], variable: str
) -> None:
    (tmp_path / "git").touch()
    value = {"LC_ALL": "C", "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}.get(variable, "1")
    modules = told(forked, tmp_path / "told", env={**os.environ, variable: value})["imported"]
    assert imported["forked"] > modules


def test_the_variables_of_a_ci_service_make_none(tmp_path: Path, imported: dict[str, int]) -> None:
    ci = {"CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "voice/flows", "GITLAB_CI": "true"}

    modules = told(forked, tmp_path / "told", env={**os.environ, **ci})["imported"]

    assert modules == imported["forked"]


def test_a_folder_in_the_path_without_git_makes_none(tmp_path: Path, imported: dict[str, int]) -> None:
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    modules = told(forked, tmp_path / "told", env={**os.environ, "PATH": path})["imported"]
    assert modules > imported["interpreter"]


@pytest.mark.parametrize("value", ["quiet", None])
def test_the_variable_that_penstock_sets_for_itself_makes_none(
    tmp_path: Path, imported: dict[str, int], value: str | None
) -> None:
    """A pass in the test's own process leaves it there, and every later command would be an interpreter."""
    environment = {name: given for name, given in os.environ.items() if name != "GIT_PYTHON_REFRESH"}
    if value is not None:
        environment["GIT_PYTHON_REFRESH"] = value

    modules = told(forked, tmp_path / "told", env=environment)["imported"]

    assert modules == imported["forked"]
    assert modules > imported["interpreter"]


def test_a_rehearsal_leaves_compiled_statements_and_nothing_else() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.support.left_behind"],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )

    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == {"controller.store.engine._COMPILED"}
