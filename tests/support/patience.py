"""How long tests wait for what other tasks, threads and processes do."""

from __future__ import annotations

PATIENCE_S = 120.0
"""Seconds of the wall; far longer than anything takes on a busy machine, so that only what hangs is given up."""
