"""What goes through the port to an organisation (`domain.ports`): requests, tickets, progress, and what is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum

from controller.domain.desired import Stage
from controller.domain.live import LiveFlow


class Capability(StrEnum):
    """What a dialect can do beyond reading, validating, switching and exporting."""

    PUBLISH_SOURCE = "publish_source"
    PERCENTAGE_ROLLOUT = "percentage_rollout"
    ATOMIC_SWITCH = "atomic_switch"
    DEPENDENCY_INDEX = "dependency_index"
    CHANGED_SINCE = "changed_since"
    LAUNCH = "launch"
    TRACE_SESSIONS = "trace_sessions"
    ACTION_TRACES = "action_traces"
    EXECUTION_DATA = "execution_data"
    NOTIFICATIONS = "notifications"
    YAML_EXPORT = "yaml_export"
    UNPUBLISH = "unpublish"
    DELETE = "delete"
    UNLOCK = "unlock"


class Priority(IntEnum):
    """Who is served first when the request budget is short; lower is sooner."""

    ROLLBACK = 0
    PUBLISH = 1
    GATE = 2
    OBSERVE = 3
    EXPORT = 4


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    """What is neither: a validation tells of its success by such a finding."""


@dataclass(frozen=True, slots=True)
class ValidationFinding:
    severity: Severity
    message: str
    id: str | None = None


@dataclass(frozen=True, slots=True)
class ValidationReport:
    findings: tuple[ValidationFinding, ...] = ()
    successful: bool = True

    @property
    def errors(self) -> tuple[ValidationFinding, ...]:
        return tuple(finding for finding in self.findings if finding.severity is Severity.ERROR)


@dataclass(frozen=True, slots=True)
class PublishRequest:
    """Make one existing version the published one."""

    flow_id: str
    version: str
    dependency_digest: str = ""
    reason: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """releaseVersion, deployedBy, environment, timestamp; only the versioned dialect sends it."""
    stages: tuple[Stage, ...] = ()


@dataclass(frozen=True, slots=True)
class SwitchRequest:
    """Let traffic go to a version that was published before."""

    flow_id: str
    version: str
    rollback_to: str | None
    reason: str = ""


class TicketKind(StrEnum):
    OPERATION = "operation"
    JOB = "job"
    PUBLISH = "publish"
    DONE = "done"
    """The write took effect at once; there is nothing to poll."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A running publish, in a form that the journal can keep and a later process can go on polling."""

    kind: TicketKind
    id: str
    flow_id: str | None
    """None for an upload that creates its flow."""
    version: str | None = None
    """The version that is being published, where it is known beforehand."""


@dataclass(frozen=True, slots=True)
class UploadSlot:
    """A registered upload: nothing happens in the organisation until the source is sent."""

    ticket: Ticket
    url: str = field(repr=False)
    """Presigned: whoever holds it can upload. Never logged or stored."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class ProgressState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class FailureCause(StrEnum):
    """What a publish that ended badly failed of, as far as the organisation's words tell."""

    CONTENT = "content"
    LOCK = "lock"
    """Somebody else holds the flow."""
    UNKNOWN = "unknown"
    """No reason was given, or one that says nothing about the content: a request limit, a session that broke."""


@dataclass(frozen=True, slots=True)
class Progress:
    state: ProgressState
    percent: float | None = None
    stage: str | None = None
    eta_s: float | None = None
    messages: tuple[str, ...] = ()
    """The organisation's own words: errors first."""
    cause: FailureCause = FailureCause.CONTENT
    """Of a publish that ended badly."""
    flow_id: str | None = None
    started: bool = True
    """False while an upload is registered but no source has arrived."""

    @property
    def finished(self) -> bool:
        return self.state in (ProgressState.SUCCEEDED, ProgressState.FAILED, ProgressState.CANCELLED)


@dataclass(frozen=True, slots=True)
class Export:
    """One version of a flow as the organisation gives it out."""

    flow_id: str
    version: str
    yaml: str | None = None
    """Archy YAML, where the dialect exports it."""
    definition: Mapping[str, object] | None = None
    """The API's JSON definition of that version."""


class Standing(StrEnum):
    """Whether an execution has ended."""

    RUNNING = "running"
    ENDED = "ended"
    UNKNOWN = "unknown"
    """The organisation does not tell."""


@dataclass(frozen=True, slots=True)
class ExecutionSummary:
    """One execution of a flow, as the error-rate gate counts it."""

    id: str
    flow_id: str
    version: str
    started_at: datetime | None
    """None where the organisation does not tell; the range that was asked for holds it."""
    ended_at: datetime | None
    failed: bool
    reason: str | None = None
    told: Standing | None = None
    """How it stands, where its times do not tell that."""

    @property
    def standing(self) -> Standing:
        if self.told is not None:
            return self.told
        return Standing.ENDED if self.failed or self.ended_at is not None else Standing.RUNNING

    def within(self, since: datetime, until: datetime) -> bool:
        """Whether it started from `since` up to, not including, `until`; without a start the query's word counts."""
        return self.started_at is None or since <= self.started_at < until


@dataclass(frozen=True, slots=True)
class Launch:
    """A launched execution: `state` is `running`, `completed` or `failed`."""

    id: str
    state: str
    message: str | None = None


@dataclass(frozen=True, slots=True)
class FlowListing:
    """The flows of an organisation at one moment. Deleted flows and system flows are left out."""

    flows: Sequence[LiveFlow]
    complete: bool = True
    """False when the answer was cut short or spanned a change; then a missing flow proves nothing."""


@dataclass(frozen=True, slots=True)
class IndexedFlow:
    """A flow as the organisation's dependency index names it."""

    id: str
    type: str
    """The index's own name: `INBOUNDCALLFLOW`; a workflow is a `WORKFLOW`."""
    name: str | None = None


@dataclass(frozen=True, slots=True)
class IndexedConsumers:
    """The flows that consume one flow, each once. `complete` is False while the index is being built."""

    flows: Sequence[IndexedFlow]
    complete: bool
