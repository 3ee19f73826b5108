"""The trace model for both dialects.

A trace is a header and a stream of steps in order of time. Steps are flat: `depth` and `parent` express the nesting, so
no walk over a trace recurses. `TraceStep.detail` keeps all fields that the model does not name, as they were sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class StepStatus(StrEnum):
    """How a step ended. `UNKNOWN` is a status that is in no list; it never counts as success."""

    SUCCESS = "success"
    RUNNING = "running"
    SKIPPED = "skipped"
    ERROR = "error"
    TIMEOUT = "timeout"
    VALIDATION_ERROR = "validation_error"
    SERVICE_UNAVAILABLE = "service_unavailable"
    UNKNOWN = "unknown"

    @property
    def failed(self) -> bool:
        return self in _FAILED


_FAILED = frozenset({StepStatus.ERROR, StepStatus.TIMEOUT, StepStatus.VALIDATION_ERROR, StepStatus.SERVICE_UNAVAILABLE})


class ScopeKind(StrEnum):
    """Owners of variables. A variable begins and ends with its scope."""

    FLOW = "flow"
    MODULE = "module"
    BOT = "bot"
    TASK = "task"
    STATE = "state"
    LOOP = "loop"


class Withheld(StrEnum):
    """Why the organisation withheld a value."""

    TOO_LARGE = "too-large"
    REDACTED = "redacted"


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable with the value that a step wrote or observed."""

    name: str
    value: object = None
    id: str | None = None
    withheld: Withheld | None = None
    """Set when `value` is None because the organisation withheld it."""
    secure: bool = False
    """Marked secure in the source; never shown."""


@dataclass(frozen=True, slots=True)
class StepOutput:
    """The output that a step took."""

    id: str
    """The organisation's id of the output, such as `__YES__`."""
    name: str | None = None
    """The output's name, where the record has one."""

    def __str__(self) -> str:
        return self.name or self.id


@dataclass(frozen=True, slots=True)
class TraceStep:
    """One event or action of an execution."""

    index: int
    """Position in the trace, from 0, in order of time."""
    id: str
    type: str
    """The event or action as the dialect spells it (`actionDecision`, `startedTask`, `decision`)."""
    name: str = ""
    depth: int = 0
    parent: int | None = None
    """The index of the enclosing step."""
    start: datetime | None = None
    end: datetime | None = None
    duration_ms: float | None = None
    """Milliseconds until the next step began; None when one of the two times is missing."""
    span_ms: float | None = None
    """On a closing step: milliseconds since the step that it closes."""
    status: StepStatus = StepStatus.SUCCESS
    status_text: str = ""
    """The status as the source spells it."""
    decision: bool = False
    decision_failed: bool | None = None
    """Whether a decision failed, if the dialect has a status for it; None when the branch it took decides."""
    branch: StepOutput | None = None
    writes: tuple[Variable, ...] = ()
    """Assignments that the step lists."""
    observed: tuple[Variable, ...] | None = None
    """Values observed after the step, without their writer; None when nothing was captured."""
    complete: bool = False
    """Whether `observed` is complete: variables that it does not name no longer exist."""
    may_write: bool = False
    """Whether a step of this type sets variables without listing them."""
    opens: ScopeKind | None = None
    closes: int | None = None
    """The index of the step that this one closes."""
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    secure: bool = False
    """Marked secure in the source: its values are never shown."""
    known: bool = True
    """False for an event of an unknown kind. It is kept and shown like any other."""
    problems: tuple[str, ...] = ()
    """Defects of the step's record, as text."""
    resolved: bool = True
    """Whether the record is complete: an id, a known type, and an unbroken chain of steps."""
    next_id: str | None = None
    detail: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StepOutline:
    """The fields of a `TraceStep` that a line of text needs; none of them is a payload or a variable."""

    index: int
    type: str
    name: str
    depth: int
    start: datetime | None
    duration_ms: float | None
    span_ms: float | None
    branch: StepOutput | None
    closes: int | None
    warnings: tuple[str, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TraceHeader:
    """Facts about the execution as a whole."""

    id: str
    dialect: str
    flow_id: str | None = None
    flow_name: str | None = None
    flow_type: str | None = None
    flow_version: str | None = None
    conversation_id: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    truncated: bool = False
    """The organisation cut the record short."""
    secure: bool = False
    """The whole execution is secure: no value of it is shown."""
    debug: bool = False
    log_level: str | None = None
    extra: Mapping[str, object] = field(default_factory=dict)
    """All further fields of the execution, as the source sent them."""


@dataclass(frozen=True, slots=True)
class Trace:
    """One execution. `steps` can be iterated repeatedly and need not hold the steps in memory."""

    header: TraceHeader
    steps: Iterable[TraceStep]
