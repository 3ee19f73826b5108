"""Every command of docs/how-to/ask-a-controller.md works, one after the other, on a laptop with a token alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.docs.test_documented_commands import commands_of
from tests.support.at_controller import site_of
from tests.support.world import World

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "ask-a-controller.md"


def test_the_page_is_true(world: World, tmp_path: Path) -> None:
    commands = [each for each in commands_of(PAGE) if not each.startswith("export ")]
    assert {each.split()[1] for each in commands} >= {"status", "history", "audit", "sync", "rollback", "approve"}

    with site_of(world, tmp_path) as site:
        environment = site.environment("olga")
        environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
        for command in commands:
            if "DIGEST" in command:
                site.until_delivered(site.front())
                environment["DIGEST"] = site.plan_digest()
            done = subprocess.run(
                command, cwd=site.laptop, env=environment, shell=True, check=False, capture_output=True, text=True
            )
            assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
