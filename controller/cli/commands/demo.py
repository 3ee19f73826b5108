"""`penstock demo`: the main job, shown."""

from __future__ import annotations


def demo() -> None:
    """Show the main job on a simulated organisation and a temporary git remote."""
    from controller.cli.demo.chapters import CHAPTERS
    from controller.cli.demo.stage import open_stage
    from controller.cli.demo.telling import Narrator

    say = Narrator()
    with open_stage() as stage:
        for chapter in CHAPTERS:
            chapter(stage, say)
