"""`penstock demo`: the main job from start to finish, on a temporary git remote and a simulated organisation.

Every chapter checks its own results; the first failed check ends the demo with an error.
"""

from __future__ import annotations

from controller.cli.commands.demo.chapters import CHAPTERS
from controller.cli.commands.demo.narrator import Narrator
from controller.cli.commands.demo.stage import open_stage


def demo() -> None:
    """Play all chapters. Raises DemoFailed when a check fails."""
    say = Narrator()
    with open_stage() as stage:
        for chapter in CHAPTERS:
            chapter(stage, say)
