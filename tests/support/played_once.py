"""Stories that many tests begin with: played once, in a world of their own, which every test's world becomes a copy of.

A delivery of three flows takes a fifth of a second of a processor, a copy of what it leaves a hundredth.
"""

from __future__ import annotations

import copy
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Coroutine
from contextlib import closing
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec

from tests.support.world import World

P = ParamSpec("P")
Story = Callable[Concatenate[World, P], Coroutine[Any, Any, None]]

_MANIFEST = "organization.yaml"
_ENDS: dict[str, World] = {}
"""How the stories ended, by what they were told with."""


def played_once(story: Story[P]) -> Story[P]:
    """Play a story that a new world begins with once for all tests of this process; what follows it differs.

    The test goes on as another process over the same store does: what the first one kept in memory is gone. The
    organisation's manifest and the simulator's settings that the test chose before are part of the story.
    """

    @wraps(story)
    async def begin(world: World, *arguments: P.args, **named: P.kwargs) -> None:
        if {each.name for each in world.clone.iterdir()} != {".git", _MANIFEST} or world.simulator.faults.all():
            raise ValueError(f"{story.__name__} is what a world begins with, and this one has files or faults already")
        manifest = (world.clone / _MANIFEST).read_text("utf-8")
        told = repr((story, world.dialect, world.simulator.settings, manifest, arguments, named))
        if told not in _ENDS:
            folder = Path(tempfile.mkdtemp(prefix=story.__name__, dir=world.folder.parent))
            first = World(folder, simulator_settings=world.simulator.settings, dialect=world.dialect)
            (first.clone / _MANIFEST).write_text(manifest, "utf-8")
            await story(first, *arguments, **named)
            await first.close()
            _ENDS[told] = first
        _copy(_ENDS[told], world)

    return begin


def _copy(ended: World, world: World) -> None:
    # The settings of each clone name its own remote.
    for source, target in ((ended.remote, world.remote), (ended.clone, world.clone)):
        shutil.copytree(
            source, target, dirs_exist_ok=True, copy_function=_copy_file, ignore=shutil.ignore_patterns("config")
        )
    with (
        closing(sqlite3.connect(ended.folder / "store.db")) as kept,
        closing(sqlite3.connect(world.folder / "store.db")) as store,
    ):
        kept.backup(store)
    world.simulator.organization.state = copy.deepcopy(ended.simulator.organization.state)
    world.simulator.set_faults(*ended.simulator.faults.all())
    world.clock.elapsed_s = ended.clock.elapsed_s


def _copy_file(source: str, target: str) -> None:
    """Objects of git never change, and may be one file for all."""
    if "objects" in Path(source).parts:
        Path(target).hardlink_to(source)
    else:
        shutil.copy2(source, target)
