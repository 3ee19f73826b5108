"""One action's trace: what the finished job answered, and the nodes that it is read into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from controller.diagnosis.model import StepStatus


@dataclass(frozen=True, slots=True)
class ActionTraceResult:
    """A trace job that ended, as its caller fetched it."""

    flow_id: str
    action_invocation_id: str
    job_id: str
    status: str
    """The job's word: `completed`, `failed`, `cancelled` or `error`."""
    steps: Sequence[object]
    """Raw: `{nodeId, parentId, startTime, endTime, status, errorMessage}`, and whatever was captured besides."""
    retrieval_latency_ms: float
    """From submitting the job until its result was here."""
    finished_at: datetime
    expected_steps: int | None = None
    """How many steps the job announced, or else the depth that was asked for; None where nobody knows either."""
    message: str | None = None
    problem: str | None = None
    """What is wrong with the result as a whole, in words."""


@dataclass(frozen=True, slots=True)
class ActionNode:
    """One node that ran. A node that ran several times is several of these."""

    key: str
    """Unique in the graph: the node's id, with `#2` and so on for repetitions."""
    id: str
    name: str
    """What people call it; empty where the answer does not say."""
    order: int
    """Its place in the answer, from 0."""
    parents: tuple[str, ...] = ()
    """Keys of the nodes that led here; none for a root."""
    start: datetime | None = None
    end: datetime | None = None
    latency_ms: float = 0.0
    """From start to end; zero when one of them is missing."""
    status: StepStatus = StepStatus.SUCCESS
    status_text: str = ""
    error: str | None = None
    problems: tuple[str, ...] = ()
    detail: Mapping[str, object] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The key, with the name in front where there is one."""
        return f"{self.name} ({self.key})" if self.name and self.name != self.key else self.key

    @property
    def timed(self) -> bool:
        return self.start is not None and self.end is not None

    @property
    def failed(self) -> bool:
        """Whether it failed; a status that nobody knows counts as failed when it came with an error."""
        return self.status.failed or bool(self.error)
