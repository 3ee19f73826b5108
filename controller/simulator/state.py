"""The content of a state file: plain values. Jobs are polled; their status follows from the time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from controller.domain.identity import FlowKey
from controller.simulator.execution import Execution, LogSettings, Traffic
from controller.simulator.flow import Actor, SimulatedFlow
from controller.simulator.resources.resource import SimulatedResources


class JobKind(StrEnum):
    UPLOAD = "upload"
    EXPORT = "export"
    VALIDATE = "validate"
    EXECUTIONS = "executions"
    DEBUG = "debug"


@dataclass(frozen=True, slots=True)
class SimulatedMessage:
    at: datetime
    text: str
    type: str = "Error"
    """`Error`, `Warning` or `Unknown`."""


@dataclass(frozen=True, slots=True)
class JobItem:
    """One flow version of an export or validate job."""

    flow_id: str
    version: str
    file_name: str = ""
    archy: bool = True
    """Whether it is exported as YAML, as opposed to Architect's own format."""


@dataclass(slots=True)
class SimulatedJob:
    id: str
    kind: JobKind
    owner: Actor
    registered_at: datetime
    key: str = field(repr=False, default="")
    """The signature in its presigned URL."""
    started_at: datetime | None = None
    ends_at: datetime | None = None
    failed: bool = False
    messages: list[SimulatedMessage] = field(default_factory=list)
    items: list[JobItem] = field(default_factory=list)
    text: str = field(repr=False, default="")
    """The uploaded text."""
    create_stubs: bool = False
    force_failure: str | None = None
    """An injected fault: the message to fail with; empty for a failure without a message."""
    leave_unpublished: bool = False
    """An injected fault: the upload succeeds, but its version is only checked in."""
    flow_id: str | None = None
    flow_key: FlowKey | None = None
    version: str | None = None
    """The version that the upload created."""
    executions: list[str] = field(default_factory=list)

    def finished(self, now: datetime) -> bool:
        return self.ends_at is not None and self.ends_at <= now

    def status(self, now: datetime) -> str:
        """`Registered`, `Started`, `Success` or `Failure`."""
        if self.started_at is None:
            return "Registered"
        if not self.finished(now):
            return "Started"
        return "Failure" if self.failed else "Success"


@dataclass(frozen=True, slots=True, order=True)
class Due:
    """An effect that is scheduled for a later time."""

    at: datetime
    serial: int
    effect: str
    subject: str
    """Id of the flow or job."""


@dataclass(slots=True)
class Index:
    """The dependency index of the organisation."""

    built_at: datetime | None = None
    """Time of the last request for a build."""
    ready_at: datetime | None = None
    status: str | None = None
    """A status that a test set; None derives it from the builds."""


@dataclass(slots=True)
class SimulatedState:
    flows: dict[str, SimulatedFlow] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    """`type/name` to the id of the flow that has it now."""
    jobs: dict[str, SimulatedJob] = field(default_factory=dict)
    due: list[Due] = field(default_factory=list)
    """In order of time."""
    serial: int = 0
    index: Index = field(default_factory=Index)
    traffic: list[Traffic] = field(default_factory=list)
    executions: dict[str, Execution] = field(default_factory=dict)
    """Executions that were launched, added, or found by a query."""
    execution_data: LogSettings = field(default_factory=LogSettings)
    resources: SimulatedResources = field(default_factory=SimulatedResources)
