"""Diffs as lines that a test can compare."""

from __future__ import annotations

from controller.flows.diff_model import FlowDiff


def diff_text(diff: FlowDiff) -> str:
    """One line for each difference; empty when there is none."""
    return "".join(f"{entry}\n" for entry in diff.entries)
