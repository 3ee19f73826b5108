"""One run of a scene that gives what a kill would leave behind at many of its moments.

At each of them the controller and then the simulator stop, the folder of their stage is copied, and both go on. Of a
process that is killed nothing is left but what is on the disk by then, with one exception: a git process that it had
started goes on. Moments at which git runs are no part of a walk; where it runs by chance, its end is waited for.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from tests.crash.scenes import Scene
from tests.crash.stage import SPEED, Stage, stop


@dataclass(frozen=True, slots=True)
class Remains:
    """What was left behind, and how long after the beginning of the scene."""

    stage: Stage
    elapsed_s: float

    def resumed(self) -> Stage:
        """The stage, on which time goes on from that moment now."""
        clock = self.stage.clock
        return replace(self.stage, clock=replace(clock, origin_s=time.monotonic() - self.elapsed_s / SPEED))


def walk(scene: Scene, stage: Stage, moments: Iterable[int], folder: Path) -> dict[int, Remains]:
    """What is left behind at those of the moments that come, in a folder for each, by its number."""
    found = {}
    simulator, port = stage.simulate(scene.faults, scene.settings)
    try:
        controller = stage.start_controller(port, stop_at=frozenset(moments))
        while os.WIFSTOPPED(status := os.waitpid(controller, os.WUNTRACED)[1]):
            _wait_for_git(controller)
            os.kill(simulator, signal.SIGUSR1)
            os.waitpid(simulator, os.WUNTRACED)
            number = len(stage.labels)
            elapsed_s = stage.clock.monotonic()
            copied = Stage.copy_of(stage.folder, folder / str(number), stage.clock.start)
            found[number] = Remains(copied, elapsed_s)
            os.kill(simulator, signal.SIGCONT)
            os.kill(controller, signal.SIGCONT)
    finally:
        stop(simulator)
    assert status == 0, (stage.folder / "controller.log").read_text()
    return found


def _wait_for_git(controller: int) -> None:
    while any(_writes(child) for child in _children(controller)):
        time.sleep(0.002)


def _children(process: int) -> list[str]:
    threads = Path(f"/proc/{process}/task").iterdir()
    return [child for thread in threads for child in (thread / "children").read_text().split()]


def _writes(child: str) -> bool:
    """Not where it has ended, nor where it waits to be asked for objects."""
    command = Path(f"/proc/{child}/cmdline").read_bytes()
    return command != b"" and b"cat-file" not in command
