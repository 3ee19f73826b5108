"""What an organisation announces by itself. A help, never a need: events can be missed, and are never believed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FlowEvent:
    """Something about a flow changed. Fields are None where the event does not tell."""

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
