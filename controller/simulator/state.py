"""Everything that a state file keeps: plain values, no behaviour."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

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
class State:
    flows: dict[str, Flow] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    """`type/name` to the id of the flow that has it now."""
    jobs: dict[str, Job] = field(default_factory=dict)
    due: list[Due] = field(default_factory=list)
    """In the order in which they take effect."""
    serial: int = 0
