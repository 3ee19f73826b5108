"""How much processor time do short commands take, before they have much to do?

Each is a process of its own. The peer is an interpreter that does nothing (`python -c pass`).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from benchmarks.environment import scratch
from benchmarks.measure import Answer, Row, cost_of
from benchmarks.repositories import Checkout
from controller.simulator.serve import running
from controller.simulator.settings import SimulatorSettings
from controller.simulator.simulator import Simulator
from tests.support.sources import inbound

TIMES = 5
_TARGETS_S = {"--help": 0.10, "validate of 1 flow": 0.45, "plan of 10 flows": 0.75}
_REST = "dataclasses, SQLAlchemy, pydantic and the store take most of what is left (decision 44)"
_MUCH = 1_000_000


def ask(times: int = TIMES, before: int = 1) -> Answer:
    """Start each command so many times, after a start `before` that fills the caches of the system.

    Raises RuntimeError for a command that fails.
    """
    simulator = Simulator(settings=SimulatorSettings(rate_limit_per_minute=_MUCH, time_scale=1000))
    with scratch() as folder, running(simulator) as url:
        one, ten = _checkout(folder / "one", url, 1), _checkout(folder / "ten", url, 10)
        simulator.load_folder(ten / "flows")
        idle = _taken([sys.executable, "-c", "pass"], folder, before, times)
        taken = {
            "--help": _taken(_penstock("--help"), one, before, times),
            "validate of 1 flow": _taken(_penstock("validate"), one, before, times),
            "plan of 10 flows": _taken(_penstock("plan"), ten, before, times),
        }
    rows = tuple(
        Row(name, "s user", values, _TARGETS_S[name], "an interpreter that does nothing", idle, note=_REST)
        for name, values in taken.items()
    )
    return Answer("starts", {"times": times, "python": sys.version.split()[0]}, rows)


def _checkout(folder: Path, url: str, flows: int) -> Path:
    checkout = Checkout(folder, url)
    for number in range(flows):
        checkout.flow(f"flow-{number}", inbound(f"Flow {number}"))
    checkout.commit()
    return folder


def _penstock(*words: str) -> list[str]:
    """The installed command, as people start it."""
    return [str(Path(sys.executable).with_name("penstock")), *words]


def _taken(words: list[str], folder: Path, before: int, times: int) -> tuple[float, ...]:
    """User seconds of each run after those before."""
    environment = {**os.environ, "PENSTOCK_RATE_LIMIT": str(_MUCH)}
    runs = [cost_of(words, folder=folder, environment=environment, codes=(0, 2)) for _ in range(before + times)]
    return tuple(run.user_s for run in runs[before:])
