"""The command line loads only what a command needs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from controller.cli.commands import COMMANDS, FORMER_NAMES
from controller.cli.main import run

HEAVY = ("httpx", "git", "sqlalchemy", "pydantic", "networkx", "starlette", "jinja2")


def test_help_loads_none_of_the_heavy_libraries() -> None:
    program = (
        "import sys\nfrom controller.cli.main import run\n"
        "code = run(['--help'])\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\nsys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60)

    assert "apply" in done.stdout
    assert done.stderr.strip() == "[]"


def test_every_command_explains_itself() -> None:
    for name in COMMANDS:
        assert run([name, "--help"]) == 0


def test_the_former_name_of_a_command_works_and_says_so(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for name in FORMER_NAMES:
        assert run([name, "flow", str(tmp_path)]) == 1
        assert f"penstock: {name} is called accept now" in capsys.readouterr().err
