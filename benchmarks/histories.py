"""How long does it take to read from the store what each pass needs, after many deliveries?

SQLite. Each question is asked often, and the median time of one is told: wall time, as people wait for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from benchmarks.environment import scratch
from benchmarks.measure import Answer, Row
from controller.domain.clock import SystemClock
from controller.domain.identity import FlowKey
from controller.store.store import Store
from tests.support.history import ORGANIZATION, write_history

SIZES = (100, 10_000)
"""Syncs of five steps."""
FLOWS = 100
_LATEST = "journal.latest"
_TARGET_MS = 3.0
_FULL = 10_000
_STEPS = 5
_BEFORE_LATEST = "0006"
"""The last version of the schema without a table of latest steps; rows are written into it."""
_TIMES = 20
_FLOW = FlowKey("inboundcall", "Flow 7")
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def ask(sizes: tuple[int, ...] = SIZES) -> Answer:
    """Ask stores with histories of these lengths."""
    rows: list[Row] = []
    for syncs in sizes:
        for name, values in _times(syncs).items():
            target = _TARGET_MS if syncs >= _FULL and name == _LATEST else None
            rows.append(Row(f"{name} after {syncs:,} syncs", "ms", values, target))
    return Answer("histories", {"flows": FLOWS, "steps of a sync": _STEPS, "times": _TIMES}, tuple(rows))


def _times(syncs: int) -> dict[str, tuple[float, ...]]:
    """Milliseconds of each reading, by the question."""
    with scratch() as folder:
        url = f"sqlite:///{folder / 'store.db'}"
        write_history(url, syncs=syncs, flows=FLOWS, began=_BEGAN, version=_BEFORE_LATEST)
        with Store.open(url, clock=SystemClock()) as store:  # the migration finds the latest step of each flow
            if len(store.journal.latest(ORGANIZATION)) != min(FLOWS, syncs * _STEPS):
                raise RuntimeError("the store does not know the latest step of each flow")
            asked: dict[str, Callable[[], object]] = {
                _LATEST: partial(store.journal.latest, ORGANIZATION),
                "journal.unfinished": partial(store.journal.unfinished, ORGANIZATION),
                "journal.delivered": partial(store.journal.delivered, ORGANIZATION, _FLOW, _live(syncs)),
            }
            return {name: tuple(_ms(question) for _ in range(_TIMES)) for name, question in asked.items()}


def _live(syncs: int) -> str:
    """The version that is live after all of them: each sync publishes five flows, in turn."""
    return f"{syncs * _STEPS // FLOWS}.0"


def _ms(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000
