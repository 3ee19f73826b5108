"""What is asked of an organisation about its executions. `diagnosis` checks these values, `genesys` sends them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, order=True)
class SnapshotRange:
    """Steps whose variables are wanted: both ends count from 0 and belong to the range."""

    start_step_index: int
    end_step_index: int


@dataclass(frozen=True, slots=True)
class TraceRequest:
    """A search for executions of one flow; `start` and `end` are aware and bound when an execution started."""

    start: datetime
    end: datetime
    flow_id: str | None = None
    flow_version: str | None = None
    """The version, by its number or, in the versioned dialect, its id; without a flow it is the id."""
    session_token: str | None = None
    """The session to look at (versioned dialect)."""
    conversation_id: str | None = None
    """The conversation to look at (architect dialect)."""
    snapshot_ranges: tuple[SnapshotRange, ...] = ()
    """Empty: the variables of every step."""
    page_size: int = 100


@dataclass(frozen=True, slots=True)
class ActionTraceRequest:
    """One asynchronous trace job over an action's invocation (versioned dialect)."""

    flow_id: str
    action_invocation_id: str
    trace_depth: int = 10
    """How many levels below the action are traced: 1 to 50."""
    capture_context: bool = True
    capture_data: bool = True
    simulated_inputs: Mapping[str, object] | None = None


class ActionTraceJob(Protocol):
    """A job of the organisation that traces one action, as it was answered."""

    @property
    def status(self) -> str: ...
    @property
    def ended(self) -> bool: ...
    @property
    def told(self) -> str | None:
        """The job's message."""
        ...

    @property
    def steps(self) -> Sequence[object]:
        """The steps of its result; empty where there are none."""
        ...

    @property
    def announced(self) -> int | None:
        """How many steps the job says that there are."""
        ...

    @property
    def unreadable(self) -> str | None:
        """What is wrong with the shape of the result, in words."""
        ...


@dataclass(frozen=True, slots=True)
class StartedTrace:
    """A trace that was accepted: the job to poll, or its result where that was ready at once."""

    job_id: str
    job: ActionTraceJob | None = None
