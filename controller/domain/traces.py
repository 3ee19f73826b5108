"""Requests for data about executions. `diagnosis` checks these values, `genesys` sends them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, order=True)
class SnapshotRange:
    """A range of steps to capture variables for; both ends count from 0 and are included."""

    start_step_index: int
    end_step_index: int


@dataclass(frozen=True, slots=True)
class TraceRequest:
    """A search for executions of one flow. `start` and `end` have a time zone and limit the start of the execution."""

    start: datetime
    end: datetime
    flow_id: str | None = None
    flow_version: str | None = None
    """The version, by its number or, in the versioned dialect, its id. Without a flow it is the id."""
    session_token: str | None = None
    """The session (versioned dialect)."""
    conversation_id: str | None = None
    """The conversation (architect dialect)."""
    snapshot_ranges: tuple[SnapshotRange, ...] = ()
    """Empty for the variables of every step."""
    page_size: int = 100


@dataclass(frozen=True, slots=True)
class ActionTraceRequest:
    """One asynchronous trace job over an action's invocation (versioned dialect)."""

    flow_id: str
    action_invocation_id: str
    trace_depth: int = 10
    """Number of levels to trace below the action: 1 to 50."""
    capture_context: bool = True
    capture_data: bool = True
    simulated_inputs: Mapping[str, object] | None = None


class ActionTraceJob(Protocol):
    """A trace job of one action, as the organisation reports it."""

    @property
    def status(self) -> str: ...
    @property
    def ended(self) -> bool: ...
    @property
    def reason_text(self) -> str | None:
        """The job's message."""

    @property
    def steps(self) -> Sequence[object]:
        """The steps of its result; empty without a result."""

    @property
    def announced(self) -> int | None:
        """Number of steps that the job announces."""

    @property
    def unreadable(self) -> str | None:
        """A defect in the shape of the result, as text."""


@dataclass(frozen=True, slots=True)
class StartedTrace:
    """An accepted trace: the job to poll, or its result if it was ready at once."""

    job_id: str
    job: ActionTraceJob | None = None
