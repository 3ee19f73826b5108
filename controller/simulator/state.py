"""The content of a state file: plain values without behaviour."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from controller.simulator.execution import Execution, LogSettings, Traffic
from controller.simulator.flow import SimulatedFlow
from controller.simulator.job import SimulatedJob


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
