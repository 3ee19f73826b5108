"""`penstock comment` posts the same text on GitHub, GitLab and Gitea, once, and sets the status there."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.forges.port import ForgeKind
from tests.support.forges.server import served
from tests.support.forges.worlds import BOT, KINDS, NAME, forge_world
from tests.support.inside import InsideShell
from tests.support.shell import simulator_thread
from tests.support.sources import inbound

API = {ForgeKind.GITHUB: "/api/v3", ForgeKind.GITLAB: "/api/v4", ForgeKind.GITEA: "/api/v1"}


@pytest.mark.parametrize("kind", KINDS)
def test_the_comment_and_the_status_are_posted_once(kind: ForgeKind, tmp_path: Path) -> None:
    world = forge_world(kind)
    with simulator_thread() as url, served(world.server) as forge:
        shell = InsideShell(tmp_path, url)
        shell.git("checkout", "--quiet", "-b", "greeting")
        shell.flow("menu", inbound("Menu"))
        shell.commit()
        head = world.server.forge.push(world.repository, "greeting", shell.git("rev-parse", "HEAD"))
        shell.environment["PENSTOCK_FORGE_TOKEN"] = f"token-of-{BOT}"
        arguments = ("comment", "--provider", kind.value, "--repository", NAME, "--pull-request", "1")
        place = ("--api-url", f"{forge}{API[kind]}", "--base", "main")

        first = shell.run(*arguments, *place)
        world.server.calls.clear()
        second = shell.run(*arguments, *place)

    assert first.returncode == 0, first.stderr
    assert first.stdout == f"commented on pull request 1 of {NAME}\n"
    assert second.stdout == f"the comment already says this on pull request 1 of {NAME}\n"
    assert world.server.writes() == []
    [body] = world.bodies()
    assert "- <b>acme</b>: 1 to create, compared with main; hidden" in body
    assert "<b>menu</b>" in body
    assert "<b>front</b>" not in body
    [status] = world.repository.statuses
    assert (status.sha, status.context, status.state) == (head, "penstock/plan", "success")
