"""The command line loads only what a command needs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from controller.cli.commands import COMMANDS, FORMER_NAMES
from controller.cli.lazy import import_alone
from controller.cli.main import run
from tests.support.shell import simulator_thread

HEAVY = ("httpx", "git", "sqlalchemy", "pydantic", "networkx", "starlette", "fastapi", "jinja2")
OPTIONAL = ("click", "pygments", "rich.console", "rich.pretty", "rich.traceback")
"""What httpx and structlog import where it is installed: colours and a command line of their own."""
DELIVERING = (
    "controller.delivery.delivery",
    "controller.delivery.change_run",
    "controller.delivery.gates.watch",
    "controller.delivery.scheduler",
)
UNNEEDED = {
    "validate": ("httpx", "sqlalchemy", "controller.genesys", "controller.store", *OPTIONAL, *DELIVERING),
    "plan": (
        "controller.questions.comparisons",
        "controller.planning.rendering.document",
        "controller.planning.rendering.page",
        "alembic",
        "networkx",
        "fastapi",
        "prometheus_client",
        "websockets.asyncio.client",
        "jinja2",
        *OPTIONAL,
        *DELIVERING,
    ),
    "status": (
        "alembic",
        "networkx",
        "fastapi",
        "prometheus_client",
        "websockets.asyncio.client",
        "jinja2",
        *OPTIONAL,
        *DELIVERING,
    ),
}
"""What the modules of a command must not import."""


def _run(program: str) -> list[str]:
    """The lines of an interpreter of its own, which ends with 0."""
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60)
    return done.stdout.splitlines()


def test_a_command_loads_what_it_uses_and_nothing_else() -> None:
    """In one interpreter: what a command must leave out, those before it leave out as well."""
    looked_for = {"": HEAVY, **UNNEEDED, "apply": DELIVERING}
    program = (
        "import contextlib, io, sys\nfrom controller.cli.main import run\n"
        f"for name, modules in {looked_for!r}.items():\n"
        "    with contextlib.redirect_stdout(io.StringIO()) as shown:\n"
        "        code = run([*filter(None, [name]), '--help'])\n"
        "    print(code, (name or 'apply') in shown.getvalue(), *[each for each in modules if each in sys.modules])\n"
    )

    *others, delivering = (line.split() for line in _run(program))

    assert dict(zip(looked_for, others, strict=False)) == {name: ["0", "True"] for name in ("", *UNNEEDED)}
    assert delivering == ["0", "True", *DELIVERING]


async def test_a_request_searches_the_path_for_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Finder:
        @staticmethod
        def find_spec(name: str, *_: object) -> None:
            asked.append(name)

    monkeypatch.delitem(sys.modules, "sniffio", raising=False)
    import_alone("httpx")
    with simulator_thread() as url:
        async with httpx.AsyncClient() as client:
            await client.get(f"{url}/_simulator/calls")
            monkeypatch.setattr(sys, "meta_path", [Finder, *sys.meta_path])
            await client.get(f"{url}/_simulator/calls")

    assert asked == []


def test_every_command_explains_itself() -> None:
    for name in COMMANDS:
        assert run([name, "--help"]) == 0


def test_the_former_name_of_a_command_works_and_says_so(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for name in FORMER_NAMES:
        assert run([name, "flow", str(tmp_path)]) == 1
        assert f"penstock: {name} is called accept now" in capsys.readouterr().err


def test_the_interpreter_does_not_look_for_garbage_when_a_command_ends() -> None:
    program = (
        "import atexit, gc\nfrom controller.cli.main import main\n"
        "atexit.register(lambda: print(gc.get_freeze_count() > 10_000))\nmain(['--version'])"
    )
    assert _run(program)[-1] == "True"
