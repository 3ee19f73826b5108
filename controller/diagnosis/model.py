"""The one trace model that both dialects are read into.

A trace is a header and a stream of steps in order of time. Steps are flat: `depth` and `parent` tell how they nest, so
nothing that walks a trace recurses. Whatever the model has no field for stays in `Step.detail`, as the source had it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class StepStatus(StrEnum):
    """How a step ended. `UNKNOWN` is a status that is in no list: it is never taken for a good one."""

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
    """What owns variables: they begin and end with it."""

    FLOW = "flow"
    MODULE = "module"
    BOT = "bot"
    TASK = "task"
    STATE = "state"
    LOOP = "loop"


class Withheld(StrEnum):
    """Why the organisation gave no value."""

    TOO_LARGE = "too-large"
    REDACTED = "redacted"


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable with the value that a step gave or showed."""

    name: str
    value: object = None
    id: str | None = None
    withheld: Withheld | None = None
    """Set when `value` is None because the organisation withheld it."""
    secure: bool = False
    """Marked secure in the source; never shown."""


@dataclass(frozen=True, slots=True)
class Branch:
    """The way that a step went on."""

    id: str
    name: str | None = None

    def __str__(self) -> str:
        return self.name or self.id


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened."""

    index: int
    """From 0, in order of time."""
    id: str
    type: str
    """The event or action, as its dialect spells it (`actionDecision`, `startedTask`, `decision`)."""
    name: str = ""
    depth: int = 0
    parent: int | None = None
    """The index of the step that this one stands in."""
    start: datetime | None = None
    end: datetime | None = None
    duration_ms: float | None = None
    """Until the next step began; None when one of both times is missing."""
    span_ms: float | None = None
    """On a closing step: from the beginning of what it closes."""
    status: StepStatus = StepStatus.SUCCESS
    status_text: str = ""
    """The status as the source spells it."""
    decision: bool = False
    decision_failed: bool | None = None
    """Whether a decision failed, where the dialect's own word says so; None where the branch it took tells."""
    branch: Branch | None = None
    writes: tuple[Variable, ...] = ()
    """What the step says that it assigned."""
    observed: tuple[Variable, ...] | None = None
    """Values that were seen after the step without saying who set them; None when nothing was captured."""
    complete: bool = False
    """Whether `observed` is all there is: what it does not name is gone."""
    may_write: bool = False
    """Whether a step of this type sets variables without saying which."""
    opens: ScopeKind | None = None
    closes: int | None = None
    """The index of the step that this one ends."""
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    secure: bool = False
    """Marked secure in the source: its values are never shown."""
    known: bool = True
    """False for an event that this reader does not know; it is kept and shown all the same."""
    problems: tuple[str, ...] = ()
    """What is wrong with the record of the step, in words."""
    resolved: bool = True
    """Whether the record says what happened: it has an id and a known type, and the chain of steps holds."""
    next_id: str | None = None
    detail: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TraceHeader:
    """What is known of the execution as a whole."""

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
    """What else the source says of the execution, as it stood there."""


@dataclass(frozen=True, slots=True)
class Trace:
    """One execution. `steps` can be walked any number of times; it need not hold the steps in memory."""

    header: TraceHeader
    steps: Iterable[Step]
