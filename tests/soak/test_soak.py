"""A controller that works for days holds no more memory, files, threads, tasks and rows than after its warm-up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.soak.samples import ROOM, ROOM_OF_HISTORY, Room, growth
from tests.support.patience import PATIENCE_S
from tests.support.postgres import needed_server, new_store
from tests.support.world import SECRET

DAYS = float(os.environ.get("SOAK_DAYS", "7"))
SEED = int(os.environ.get("SOAK_SEED", "1"))
_LONG_S = 6 * 3600.0
_ROOT = Path(__file__).parents[2]


def lived(folder: Path, days: float, store: str, *, within_s: float) -> tuple[list[dict[str, float]], dict]:
    """The samples of a controller that lived so long in a process of its own, and its summary."""
    environment = {**os.environ, "ACME_ID": "penstock", "ACME_SECRET": SECRET, "ACME_GUEST": "nobody"}
    words = [sys.executable, "-m", "tests.soak.week", str(days), str(SEED), str(folder), store]
    with (folder / "log").open("w") as log:
        done = subprocess.run(
            words,
            cwd=_ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=log,
            timeout=within_s,
            text=True,
            check=False,
        )
    assert done.returncode == 0, (folder / "log").read_text()[-4000:]
    samples = [json.loads(line) for line in (folder / "samples.jsonl").read_text().splitlines()]
    return samples, json.loads(done.stdout.splitlines()[-1])


def assert_flat(samples: Sequence[Mapping[str, float]], rooms: Mapping[str, Room], summary: Mapping) -> None:
    assert growth(samples, rooms) == {}, summary["grew"]


def test_hours_of_work_leave_nothing_behind(tmp_path: Path) -> None:
    samples, summary = lived(tmp_path, 0.25, f"sqlite:///{tmp_path / 'store.db'}", within_s=4 * PATIENCE_S)

    assert summary["penstock_syncs"]["succeeded"] > 2
    assert summary["messages"] > 4
    assert_flat(samples, ROOM, summary)


@pytest.mark.nightly
@pytest.mark.timeout(_LONG_S)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_week_of_work_leaves_nothing_behind(tmp_path: Path, kind: str) -> None:
    if kind == "sqlite":
        samples, summary = lived(tmp_path, DAYS, f"sqlite:///{tmp_path / 'store.db'}", within_s=_LONG_S)
    else:
        with needed_server() as server:
            samples, summary = lived(tmp_path, DAYS, new_store(server.url), within_s=_LONG_S)

    assert set(summary["happened"]) == {
        *("push", "drift", "outage", "failed publish", "broken manifest", "guest", "people")
    }
    assert_flat(samples, {**ROOM, **ROOM_OF_HISTORY}, summary)


def test_what_grows_is_found() -> None:
    steady = [{"guest": False, **dict.fromkeys(ROOM, 100.0)} for _ in range(30)]
    growing = [{**each, "memory_mib": 100.0 + number} for number, each in enumerate(steady)]

    with_a_guest = [{**each, "guest": True, "tasks": 200.0} for each in steady[:5]]

    assert growth(steady + with_a_guest, ROOM) == {}
    assert growth(growing, ROOM) == {"memory_mib": (114.5, 124.5)}
