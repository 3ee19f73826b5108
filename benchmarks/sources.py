"""How much processor time and memory do `penstock validate` and `penstock plan` take for real flow files?

Each command is a process of its own, and its user time is that of the whole process, start included. Cold: Penstock has
no cache of earlier runs. The peer loads the same flow files with libyaml (`yaml.CSafeLoader`) and does nothing else.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from benchmarks.environment import scratch
from benchmarks.measure import Answer, Cost, Row, cost_of
from benchmarks.repositories import Checkout, real_sources
from controller.simulator.serve import running
from controller.simulator.settings import SimulatorSettings
from controller.simulator.simulator import Simulator

_ROOT = Path(__file__).parents[1]
_PENSTOCK = (sys.executable, "-m", "controller")
_MUCH = 1_000_000
_COLD_TARGET, _WARM_TARGET_S, _MEMORY_TARGET_MIB, _PLAN_TARGET_S = 1.5, 3.0, 250.0, 1.2
_NOT_VALID = 1
"""The exit code of `validate` for files with mistakes: names that no flow here has, for example."""


def ask(validated: int = 10_000, planned: int = 1_000, warm_plans: int = 2) -> Answer:
    """Validate and plan real flow files. Raises RuntimeError for a command that fails."""
    with scratch() as folder:
        words, cold, warm, peer, size = _validate(folder / "validated", validated)
        plans = _plan(folder / "planned", planned, 2 + warm_plans)
    full = validated >= 10_000
    rows = (
        Row(
            f"validate {validated:,}, cold",
            "s user",
            (cold.user_s,),
            _COLD_TARGET if full else None,
            "libyaml",
            (peer.user_s,),
            relative=True,
            note="Parsing took 7.5 s of 1,000 files before, 6.2 s now; how quick the machine is changes within a run",
        ),
        Row(f"validate {validated:,}, warm", "s user", (warm.user_s,), _WARM_TARGET_S if full else None),
        Row(f"validate {validated:,}, peak memory", "MiB", (cold.peak_mib,), _MEMORY_TARGET_MIB if full else None),
        Row(f"first plan of {planned:,}", "s user", (plans[0].user_s,)),
        Row(
            f"plan of {planned:,}, nothing changed, warm",
            "s user",
            tuple(plan.user_s for plan in plans[2:]),
            _PLAN_TARGET_S if planned >= 1_000 else None,
            note="About a third is the start (decision 44)",
        ),
    )
    python = sys.version.split()[0]
    conditions = {"flow files": words, "bytes": size, "rounds": f"1, {warm_plans} of the warm plan", "python": python}
    return Answer("sources", conditions, rows)


def _validate(folder: Path, count: int) -> tuple[str, Cost, Cost, Cost, int]:
    sources, words = real_sources(count)
    checkout = Checkout(folder)
    for slug, text in sources.items():
        checkout.flow(slug, text)
    checkout.commit()
    _forget()
    cold = cost_of([*_PENSTOCK, "validate"], folder=folder, environment=_environment(), codes=(0, _NOT_VALID))
    warm = cost_of([*_PENSTOCK, "validate"], folder=folder, environment=_environment(), codes=(0, _NOT_VALID))
    peer = cost_of([sys.executable, "-m", "benchmarks.peers.libyaml", str(folder / "flows")], folder=_ROOT)
    return words, cold, warm, peer, sum(len(text.encode()) for text in sources.values())


def _plan(folder: Path, count: int, times: int) -> list[Cost]:
    """The first plan, with its exports, one that fills the caches, and the warm ones."""
    sources, _ = real_sources(count)
    simulator = Simulator(settings=SimulatorSettings(rate_limit_per_minute=_MUCH, time_scale=1000))
    with running(simulator) as url:
        checkout = Checkout(folder, url)
        for slug, text in sources.items():
            checkout.flow(slug, text)
        checkout.commit()
        simulator.load_folder(folder / "flows")
        environment = _environment() | {"PENSTOCK_RATE_LIMIT": str(_MUCH)}
        return [
            cost_of([*_PENSTOCK, "plan"], folder=folder, environment=environment, codes=(0, 2)) for _ in range(times)
        ]


def _environment() -> dict[str, str]:
    """That of this process, with this checkout's modules first."""
    return {**os.environ, "PYTHONPATH": str(_ROOT)}


def _forget() -> None:
    """Remove what earlier runs cached."""
    for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME"):
        shutil.rmtree(os.environ[name], ignore_errors=True)
