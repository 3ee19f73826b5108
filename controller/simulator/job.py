"""Jobs: one call registers a job and others poll it. Its status follows from the time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from controller.domain.identity import FlowKey
from controller.simulator.actor import Actor


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
