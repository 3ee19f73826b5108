"""What a process holds at a moment, and whether that stays the same."""

from __future__ import annotations

import asyncio
import gc
import os
import statistics
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from controller.store.schema import metadata
from controller.store.store import Store

_STATE = frozenset(
    {
        *("leases", "bindings", "identities", "known_branches", "installation", "drifts", "approvals"),
        *("organization_views", "plan_views", "flow_views", "running_passes", "running_flows", "suspensions"),
        *("live_marks", "latest_steps", "publish_times"),
    }
)
"""Tables that hold what is the case now, and so never grow with time."""
_KEPT = frozenset({"syncs", "steps", "writes", "audit", "audit_heads"})
"""Tables that hold the past, for as many days as the settings say."""
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Room:
    """How much a figure may grow between the middle and the last third of a run."""

    share: float
    more: float
    """Besides the share, in the figure's unit."""


ROOM: Mapping[str, Room] = {
    "memory_mib": Room(0.03, 3.0),
    "objects": Room(0.02, 3_000),
    "files": Room(0.0, 4),
    "threads": Room(0.0, 4),
    "tasks": Room(0.0, 4),
    "state_rows": Room(0.1, 20),
}
ROOM_OF_HISTORY: Mapping[str, Room] = {"kept_rows": Room(0.25, 100)}
"""Of runs that last several times as long as the history is kept."""


def sample(store: Store) -> dict[str, float]:
    """The figures of this process now, after a garbage collection."""
    gc.collect()
    rows = _rows(store)
    return {
        "memory_mib": int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE / 1024**2,
        "objects": len(gc.get_objects()),
        "files": len(list(Path("/proc/self/fd").iterdir())),
        "threads": threading.active_count(),
        "tasks": len(asyncio.all_tasks()),
        "state_rows": sum(count for name, count in rows.items() if name in _STATE),
        "kept_rows": sum(count for name, count in rows.items() if name in _KEPT),
        **{f"rows of {name}": count for name, count in rows.items()},
    }


def kinds() -> Counter[str]:
    """How many objects of each type there are."""
    return Counter(f"{type(each).__module__}.{type(each).__qualname__}" for each in gc.get_objects())


def growth(samples: Sequence[Mapping[str, float]], rooms: Mapping[str, Room]) -> dict[str, tuple[float, float]]:
    """The figures that grew more than they may: their medians in the middle and in the last third.

    The first third is the warm-up. While the organisation that comes and goes is there, there is more of everything:
    such samples do not count.
    """
    samples = [each for each in samples if not each["guest"]]
    third = len(samples) // 3
    grown = {}
    for name, room in rooms.items():
        middle, last = (
            statistics.median(each[name] for each in part) for part in (samples[third:-third], samples[-third:])
        )
        if last > middle * (1 + room.share) + room.more:
            grown[name] = (middle, last)
    return grown


def _rows(store: Store) -> dict[str, int]:
    with store.database.read() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in metadata.sorted_tables
        }
