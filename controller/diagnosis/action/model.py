"""One action's trace: the result of the finished job and the nodes read from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from controller.diagnosis.model import StepStatus


@dataclass(frozen=True, slots=True)
class ActionTraceResult:
    """The result of a trace job that has ended."""

    flow_id: str
    action_invocation_id: str
    job_id: str
    status: str
    """The status that the job reports: `completed`, `failed`, `cancelled` or `error`."""
    steps: Sequence[object]
    """Raw objects: `{nodeId, parentId, startTime, endTime, status, errorMessage}`, and all other captured fields."""
    retrieval_latency_ms: float
    """Milliseconds from the submission of the job until its result arrived."""
    finished_at: datetime
    expected_steps: int | None = None
    """Number of steps that the job announced, else the requested depth; None when neither is known."""
    message: str | None = None
    problem: str | None = None
    """A defect of the result as a whole, as text."""


@dataclass(frozen=True, slots=True)
class ActionNode:
    """One run of a node. A node that ran several times gives several of these."""

    key: str
    """Unique in the graph: the node's id, with `#2` and so on for repetitions."""
    id: str
    name: str
    """Display name; empty when the answer gives none."""
    order: int
    """Position in the answer, from 0."""
    parents: tuple[str, ...] = ()
    """Keys of the nodes that led here; none for a root."""
    start: datetime | None = None
    end: datetime | None = None
    latency_ms: float = 0.0
    """Milliseconds from start to end; zero when one of the two is missing."""
    status: StepStatus = StepStatus.SUCCESS
    status_text: str = ""
    error: str | None = None
    problems: tuple[str, ...] = ()
    detail: Mapping[str, object] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The name followed by the key, or the key alone for a node without a name."""
        return f"{self.name} ({self.key})" if self.name and self.name != self.key else self.key

    @property
    def timed(self) -> bool:
        return self.start is not None and self.end is not None

    @property
    def failed(self) -> bool:
        """Whether the node failed. A node with an unknown status counts as failed when it has an error message."""
        return self.status.failed or bool(self.error)
