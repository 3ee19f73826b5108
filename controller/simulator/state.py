"""Everything that a state file keeps: plain values, no behaviour."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from controller.simulator.execution import Execution, ExecutionDataSettings, Traffic
from controller.simulator.flow import Flow
from controller.simulator.job import Job


@dataclass(frozen=True, slots=True, order=True)
class Due:
    """Something that takes effect at a moment to come."""

    at: datetime
    serial: int
    effect: str
    subject: str
    """Id of the flow or job."""


@dataclass(slots=True)
class Index:
    """The dependency index of the organisation."""

    built_at: datetime | None = None
    """When the last build was asked for."""
    ready_at: datetime | None = None
    status: str | None = None
    """A status that was set by hand; None lets it follow from the builds."""


@dataclass(slots=True)
class State:
    flows: dict[str, Flow] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    """`type/name` to the id of the flow that has it now."""
    jobs: dict[str, Job] = field(default_factory=dict)
    due: list[Due] = field(default_factory=list)
    """In the order in which they take effect."""
    serial: int = 0
    index: Index = field(default_factory=Index)
    traffic: list[Traffic] = field(default_factory=list)
    executions: dict[str, Execution] = field(default_factory=dict)
    """Those that were launched, added by hand, or found by a query."""
    execution_data: ExecutionDataSettings = field(default_factory=ExecutionDataSettings)
