"""The state at any step on demand: one pass leaves checkpoints, and a question replays from the nearest one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from controller.diagnosis.model import Trace
from controller.diagnosis.query import merged_ranges
from controller.diagnosis.state import State, StateTracker
from controller.domain.errors import TraceRequestInvalid
from controller.domain.traces import SnapshotRange

_MOST = 128
"""Checkpoints that are kept; when there would be more, every other one goes and the distance doubles."""


class StateIndex:
    """Checkpoints over one trace. Building it walks the trace once."""

    def __init__(self, trace: Trace, *, every: int = 500) -> None:
        self._trace = trace
        self._every = every
        self._checkpoints: list[StateTracker] = [StateTracker()]
        tracker = StateTracker()
        self.length = 0
        """How many steps the trace has."""
        for step in trace.steps:
            tracker.apply(step)
            self.length += 1
            if self.length % self._every == 0:
                self._checkpoints.append(tracker.copy())
                self._thin()

    def at(self, step_index: int) -> State:
        """The variables after a step. Raises TraceRequestInvalid for a step that the trace does not have."""
        if not 0 <= step_index < self.length:
            raise TraceRequestInvalid(f"there is no step {step_index}: the trace has steps 0 to {self.length - 1}")
        nearest = min((step_index + 1) // self._every, len(self._checkpoints) - 1)
        tracker = self._checkpoints[nearest].copy()
        for step in self._trace.since(nearest * self._every):
            if step.index > step_index:
                break
            tracker.apply(step)
        return tracker.state

    def _thin(self) -> None:
        if len(self._checkpoints) > _MOST and len(self._checkpoints) % 2:
            self._checkpoints = self._checkpoints[::2]
            self._every *= 2


def snapshots(trace: Trace, ranges: Sequence[SnapshotRange]) -> Iterator[State]:
    """The state after each step of the ranges, in one pass that ends with the last of them."""
    tracker = StateTracker()
    wanted = iter(merged_ranges(ranges))
    current = next(wanted, None)
    for step in trace.steps:
        if current is None:
            return
        tracker.apply(step)
        if current.start_step_index <= step.index:
            yield tracker.state
        if step.index >= current.end_step_index:
            current = next(wanted, None)
