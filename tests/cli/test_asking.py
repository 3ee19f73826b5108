"""Questions on a terminal: `apply` names the organisation and the number of changes, and an action needs a reason."""

from __future__ import annotations

import os
import pty
import select
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.simulator.serve import running
from controller.simulator.settings import SimulatorSettings
from controller.simulator.simulator import Simulator
from tests.support.commands import Command
from tests.support.shell import Shell

_PATIENCE_S = 120.0


@pytest.fixture
def simulator() -> Simulator:
    return Simulator(settings=SimulatorSettings(time_scale=50, organization="Acme Corporation"))


@pytest.fixture
def shell(simulator: Simulator, tmp_path: Path) -> Iterator[Shell]:
    with running(simulator) as url:
        yield Shell(tmp_path, url)


def on_a_terminal(shell: Shell, answer: str, *arguments: str, question: str = "[y/N]") -> tuple[int, str]:
    """The command with a terminal; answers once it is asked. Returns the exit code and what was shown."""
    main, side = pty.openpty()
    environment = shell.environment | {"TERM": "dumb"}
    process = Command(*arguments, strict=False, cwd=shell.folder, env=environment, stdin=side, stdout=side, stderr=side)
    os.close(side)
    shown, asked, give_up_at = "", False, time.monotonic() + _PATIENCE_S
    while time.monotonic() < give_up_at:
        if select.select([main], [], [], 1)[0]:
            try:
                shown += os.read(main, 65536).decode("utf-8", "replace")
            except OSError:  # the other side is closed
                break
        if not asked and question in shown:
            asked = True
            os.write(main, answer.encode() + b"\n")
    os.close(main)
    return process.wait(timeout=_PATIENCE_S), shown


def test_no_changes_nothing(shell: Shell, simulator: Simulator) -> None:
    code, shown = on_a_terminal(shell, "n", "apply")
    assert code == 3
    assert f"Apply 2 changes to acme (Acme Corporation) in {shell.url}? [y/N]" in shown.replace("\r\n", "")
    assert "2 to create" in shown
    assert not list(simulator.organization.flows())


def test_yes_carries_out_what_was_shown_and_nothing_to_do_is_not_asked_about(
    shell: Shell, simulator: Simulator
) -> None:
    code, shown = on_a_terminal(shell, "y", "apply")
    assert (code, shown.count("[y/N]")) == (0, 1)
    assert shown.count("2 to create: ") == 1, "the plan was shown again after the answer"
    assert len(list(simulator.organization.flows())) == 2
    code, shown = on_a_terminal(shell, "n", "apply")
    assert (code, shown.count("[y/N]")) == (0, 0)


def test_a_saved_plan_is_asked_about_as_well_and_an_option_answers(shell: Shell, simulator: Simulator) -> None:
    saved = str(shell.folder.parent / "plan.json")
    assert shell.run("plan", "--out", saved).returncode == 0
    code, shown = on_a_terminal(shell, "n", "apply", "--plan", saved)
    assert (code, shown.count("[y/N]")) == (3, 1)
    code, shown = on_a_terminal(shell, "n", "apply", "--plan", saved, "--yes")
    assert (code, shown.count("[y/N]")) == (0, 0)
    assert len(list(simulator.organization.flows())) == 2


def test_without_a_terminal_nobody_is_asked(shell: Shell) -> None:
    done = shell.run("apply")
    assert done.returncode == 0
    assert "[y/N]" not in done.stdout + done.stderr


def test_the_reason_of_an_action_is_asked_for(shell: Shell) -> None:
    code, shown = on_a_terminal(shell, "an outage", "suspend", question="Reason, for the audit log:")
    assert code == 0, shown
    assert "acme: suspended by " in shown

    (held,) = shell.json("plan")["organizations"][0]["held_back"]
    assert (held["code"], "an outage" in held["message"]) == ("sync-suspended", True)
    assert shell.run("resume", "--reason", "it is over").returncode == 0
    assert shell.json("plan")["organizations"][0]["held_back"] == []
    entries = shell.json("audit", "list", "--action", "request")["entries"]
    assert [(each["details"]["verb"], each["details"]["reason"]) for each in entries] == [
        ("resume", "it is over"),
        ("suspend", "an outage"),
    ]


def test_where_nobody_can_be_asked_a_missing_reason_is_an_error(shell: Shell) -> None:
    done = shell.run("suspend")
    assert (done.returncode, "--reason: say why" in done.stderr) == (1, True)
