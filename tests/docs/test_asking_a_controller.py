"""Every command of docs/how-to/ask-a-controller.md works, one after the other, on a laptop with a token alone."""

from __future__ import annotations

import shlex
from pathlib import Path

from tests.docs.test_documented_commands import commands_of
from tests.support.at_controller import site_of
from tests.support.world import World

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "ask-a-controller.md"


def test_the_page_is_true(world: World, tmp_path: Path) -> None:
    commands = [shlex.split(each) for each in commands_of(PAGE) if not each.startswith("export ")]
    assert {words[0] for words in commands} == {"penstock"}
    assert {words[1] for words in commands} >= {"status", "history", "audit", "sync", "rollback", "approve"}

    with site_of(world, tmp_path) as site:
        for _, *words in commands:
            if "$DIGEST" in words:
                site.until_delivered(site.front())
                words[words.index("$DIGEST")] = str(site.plan_digest())
            code, out, err = site.ask(*words)
            assert code == 0, f"{words}: {out}{err}"
