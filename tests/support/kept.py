"""A repository, a store and an organisation in which commands have run: each test begins with them as they were."""

from __future__ import annotations

import contextlib
import copy
import subprocess
from collections.abc import Iterator
from pathlib import Path

from controller.simulator.serve import running
from controller.simulator.settings import SimulatorSettings
from controller.simulator.simulator import Simulator
from tests.support.inside import InsideShell

_QUICK = SimulatorSettings(time_scale=50)


@contextlib.contextmanager
def begun(folder: Path, settings: SimulatorSettings = _QUICK) -> Iterator[tuple[InsideShell, Simulator]]:
    """A shell with two flows, and its organisation, which is served until the block ends; nothing is delivered yet."""
    simulator = Simulator(settings=settings)
    with running(simulator) as url:
        yield InsideShell(folder, url), simulator


class Kept:
    """What a module's tests begin with; made once, because to deliver takes ten times as long as to copy."""

    def __init__(self, shell: InsideShell, simulator: Simulator) -> None:
        """The simulator is served as long as tests use it."""
        self.simulator = simulator
        self._shell = shell
        self._state = copy.deepcopy(simulator.organization.state)

    def again(self, folder: Path) -> InsideShell:
        """The organisation becomes what it was; repository and store are copied to the folder."""
        self.simulator.reset()
        self.simulator.organization.state = copy.deepcopy(self._state)
        made, kept = copy.copy(self._shell), self._shell.folder.parent
        subprocess.run(["cp", "-a", f"{kept}/.", folder], check=True)
        made.folder = folder / self._shell.folder.name
        made.environment = {
            name: value.replace(str(kept), str(folder)) for name, value in self._shell.environment.items()
        }
        return made
