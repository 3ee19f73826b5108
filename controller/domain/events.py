"""Events that an organisation pushes. They are optional: events can be missed, and callers verify each one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FlowEvent:
    """A change of a flow. Fields are None if the event does not give them."""

    flow_id: str
    published_version: str | None = None
    action: str | None = None
    """CHECKIN, PUBLISH, ..."""
    status: str | None = None
    """SUCCESS, FAILURE, STARTED, ..."""
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class ExecutionEvent:
    """An execution of a flow ended."""

    flow_id: str
    version: str
    failed: bool
