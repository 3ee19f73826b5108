"""The values that pass through the port to an organisation (`domain.ports`): requests, tickets, results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum

from controller.domain.desired import Stage
from controller.domain.live import LiveFlow


class Capability(StrEnum):
    """Optional capabilities of a dialect, in addition to reading, validating, switching and exporting."""

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
    """Who gets the next turn when the request budget is short; lower is sooner."""

    ROLLBACK = 0
    WATCH = 1
    """One look that tells of all publishes in flight: all of them would wait for it."""
    PUBLISH = 2
    GATE = 3
    OBSERVE = 4
    EXPORT = 5


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    """A finding that is neither error nor warning; a validation reports success like this."""


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
    """Route traffic to a version that was published before."""

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
    """A running publish in a form that the journal can store and a later process can poll."""

    kind: TicketKind
    id: str
    flow_id: str | None
    """None for an upload that creates its flow."""
    version: str | None = None
    """The version to be published, if it is known beforehand."""


@dataclass(frozen=True, slots=True)
class UploadSlot:
    """A registered upload. Nothing happens in the organisation until the source is sent."""

    ticket: Ticket
    url: str = field(repr=False)
    """Presigned, so the URL alone permits the upload. Never log or store it."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class CallLoad:
    """How much the calls of one credential load an organisation."""

    waiting: int = 0
    """Calls that wait for the request limit, without those of exports."""
    refused: int = 0
    """Calls that were refused because of the limit (429), up to now."""
    used: float = 0.0
    """Share of the limit that the calls of the last minute use; 1 is all of it."""


class ProgressState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class FailureCause(StrEnum):
    """The cause of a failed publish, as far as the organisation's messages show it."""

    CONTENT = "content"
    LOCK = "lock"
    """Another user or client holds the flow."""
    UNKNOWN = "unknown"
    """No reason, or one that does not concern the content: a request limit, a broken session."""


@dataclass(frozen=True, slots=True)
class Progress:
    state: ProgressState
    percent: float | None = None
    stage: str | None = None
    eta_s: float | None = None
    messages: tuple[str, ...] = ()
    """The organisation's own messages, errors first."""
    cause: FailureCause = FailureCause.CONTENT
    """The cause of a failed publish."""
    flow_id: str | None = None
    started: bool = True
    """False while an upload is registered but its source has not arrived."""
    live: LiveFlow | None = None
    """The flow with the published version, where a listing proves the publish."""

    @property
    def finished(self) -> bool:
        return self.state in (ProgressState.SUCCEEDED, ProgressState.FAILED, ProgressState.CANCELLED)


@dataclass(frozen=True, slots=True)
class Export:
    """One exported version of a flow."""

    flow_id: str
    version: str
    yaml: str | None = None
    """Archy YAML, if the dialect exports it."""
    definition: Mapping[str, object] | None = None
    """The API's JSON definition of that version."""


class Standing(StrEnum):
    """Whether an execution has ended."""

    RUNNING = "running"
    ENDED = "ended"
    UNKNOWN = "unknown"
    """The organisation does not report it."""


@dataclass(frozen=True, slots=True)
class ExecutionSummary:
    """One execution of a flow, as the error-rate gate counts it."""

    id: str
    flow_id: str
    version: str
    started_at: datetime | None
    """None if the organisation does not report it; the start is then within the requested range."""
    ended_at: datetime | None
    failed: bool
    reason: str | None = None
    stated: Standing | None = None
    """The reported standing, if the times do not show it."""

    @property
    def standing(self) -> Standing:
        if self.stated is not None:
            return self.stated
        return Standing.ENDED if self.failed or self.ended_at is not None else Standing.RUNNING

    def within(self, since: datetime, until: datetime) -> bool:
        """Whether it started from `since` up to, not including, `until`. Without a start, the query is trusted."""
        return self.started_at is None or since <= self.started_at < until


@dataclass(frozen=True, slots=True)
class Launch:
    """A launched execution: `state` is `running`, `completed` or `failed`."""

    id: str
    state: str
    message: str | None = None


@dataclass(frozen=True, slots=True)
class FlowListing:
    """The flows of an organisation at one moment, without deleted flows and system flows."""

    flows: Sequence[LiveFlow]
    complete: bool = True
    """False if the answer was cut short or spanned a change. A missing flow then proves nothing."""
    calls: int = 1
    """The number of calls that it takes."""


@dataclass(frozen=True, slots=True)
class IndexedFlow:
    """A flow in the organisation's dependency index."""

    id: str
    type: str
    """The type as the index spells it: `INBOUNDCALLFLOW`; `WORKFLOW` for a workflow."""
    name: str | None = None


@dataclass(frozen=True, slots=True)
class IndexedConsumers:
    """The flows that consume one flow, each once. `complete` is False while the index is being built."""

    flows: Sequence[IndexedFlow]
    complete: bool
