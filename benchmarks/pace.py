"""How slow is this machine? Targets in seconds belong to one where libyaml read a megabyte of flow files in 0.149 s."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.environment import scratch
from benchmarks.measure import cost_of
from benchmarks.repositories import real_sources

THERE_S_PER_MB = 0.149
"""User time of `benchmarks.peers.libyaml` for each 1,000,000 bytes: 1.67 s for 1,000 files of 11.2 MB."""
_FILES = 1_000
_ROOT = Path(__file__).parents[1]


def pace(files: int = _FILES) -> float:
    """How many times the processor time of the other machine this one takes now, for the same work of libyaml."""
    sources, _ = real_sources(files)
    with scratch() as folder:
        for slug, text in sources.items():
            (folder / f"{slug}.yaml").write_text(text, encoding="utf-8")
        used = cost_of([sys.executable, "-m", "benchmarks.peers.libyaml", str(folder)], folder=_ROOT)
    megabytes = sum(len(text.encode()) for text in sources.values()) / 1e6
    return used.user_s / megabytes / THERE_S_PER_MB
