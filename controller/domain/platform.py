"""The port to an organisation: every operation that planning, delivery and diagnosis need.

`genesys/` implements it once for each dialect. Reads may be repeated at will. Writes are never repeated by the
implementation when their answer was lost: they raise `AnswerLost`, and the caller reads to find out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Protocol

from controller.domain.desired import Stage
from controller.domain.events import ExecutionEvent, FlowEvent
from controller.domain.identity import FlowKey
from controller.domain.live import HandChange, LiveFlow
from controller.domain.recording import Recording
from controller.domain.references import FlowReference
from controller.domain.versions import VersionInfo


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


class Platform(Protocol):
    """An organisation. Every method may raise the errors of `domain.errors`, and no others."""

    @property
    def dialect(self) -> str: ...
    @property
    def capabilities(self) -> frozenset[Capability]: ...
    @property
    def clock_ahead(self) -> timedelta:
        """How far the organisation's clock is ahead of ours, to the second, as its last answer tells."""
        ...

    # Reads.
    async def organization_id(self, *, priority: Priority = Priority.OBSERVE) -> str | None:
        """The organisation's own id; None where the dialect does not tell it, or not to this client."""
        ...

    async def list_flows(self, *, fresh: bool = False, priority: Priority = Priority.OBSERVE) -> FlowListing:
        """All flows; a `fresh` listing is never from a cache, so that what was done by hand shows in it."""
        ...

    async def get_flow(self, flow_id: str, *, priority: Priority = Priority.PUBLISH) -> LiveFlow | None:
        """One flow as it is now, never from a cache; None when it does not exist or was deleted.

        Raises `LiveUndetermined` while the organisation's answers contradict each other about what is live.
        """
        ...

    async def get_flows(
        self, flow_ids: Collection[str], *, priority: Priority = Priority.OBSERVE
    ) -> Mapping[str, LiveFlow]:
        """Those of these flows that exist, by id, in far fewer calls than one for each."""
        ...

    async def changed_since(self, since: datetime, *, priority: Priority = Priority.OBSERVE) -> Sequence[LiveFlow]:
        """The flows that were published after that moment by the organisation's clock; needs CHANGED_SINCE.

        One call where few were. It tells nothing of flows that were unpublished or deleted.
        """
        ...

    async def find_flow(self, key: FlowKey, *, priority: Priority = Priority.PUBLISH) -> LiveFlow | None:
        """The flow with exactly this type and name. Raises `AmbiguousFlow` when there are several."""
        ...

    async def last_change(self, flow_id: str) -> HandChange | None:
        """The last publish or unpublish of a flow; None where its listing tells all that there is to know."""
        ...

    async def versions(self, flow_id: str, *, priority: Priority = Priority.OBSERVE) -> Sequence[VersionInfo]:
        """All versions, newest first."""
        ...

    async def references(self, flow_id: str, version: str) -> Sequence[FlowReference]:
        """What one version refers to; a version never changes, so callers may cache it for ever."""
        ...

    def publish_payload(self, request: PublishRequest) -> Mapping[str, object]:
        """What `publish` sends, for the audit log; without a secret."""
        ...

    async def validate(self, flow_id: str, version: str) -> ValidationReport: ...
    async def progress(self, ticket: Ticket, *, priority: Priority = Priority.PUBLISH) -> Progress: ...
    async def running_publish(
        self, flow_id: str, version: str, *, priority: Priority = Priority.PUBLISH
    ) -> Ticket | None:
        """The publish that is under way and may make this version live, whoever began it; None when there is none."""
        ...

    async def export(self, flow_id: str, version: str, *, priority: Priority = Priority.EXPORT) -> Export: ...
    def executions(
        self, flow_id: str, version: str, *, since: datetime, until: datetime
    ) -> AsyncIterator[ExecutionSummary]:
        """Executions of that version which started in the range; needs EXECUTION_DATA."""
        ...

    async def recording(self, flow_id: str) -> Recording:
        """What is recorded of a flow's executions from now on; of the past it tells nothing."""
        ...

    async def launch_state(self, launch_id: str) -> Launch: ...
    def flow_events(
        self, flow_ids: Collection[str], *, on_open: Callable[[], None] | None = None
    ) -> AsyncIterator[FlowEvent]:
        """What happens to these flows, as it happens, until the connection ends; needs NOTIFICATIONS.

        `on_open` is called when nothing is missed any more. A channel promises nothing: callers read as well.
        """
        ...

    def execution_events(self, flow_ids: Collection[str]) -> AsyncIterator[ExecutionEvent]:
        """The executions of these flows as they end, until the connection does; needs NOTIFICATIONS."""
        ...

    # Writes: only delivery calls these, and only through its journal.
    async def register_upload(self, *, priority: Priority = Priority.PUBLISH) -> UploadSlot: ...
    async def upload(self, slot: UploadSlot, text: str, *, priority: Priority = Priority.PUBLISH) -> None: ...
    async def publish(self, request: PublishRequest, *, priority: Priority = Priority.PUBLISH) -> Ticket: ...
    async def switch(self, request: SwitchRequest, *, priority: Priority = Priority.PUBLISH) -> Ticket: ...
    async def unlock(self, flow_id: str, *, priority: Priority = Priority.PUBLISH) -> LiveFlow: ...
    async def unpublish(self, flow_id: str, *, priority: Priority = Priority.PUBLISH) -> None: ...
    async def delete(self, flow_id: str, *, priority: Priority = Priority.PUBLISH) -> None: ...
    async def launch(self, flow_id: str, version: str, inputs: Mapping[str, object]) -> Launch: ...

    async def aclose(self) -> None: ...
