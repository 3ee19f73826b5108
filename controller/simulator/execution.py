"""Executions of flows: when they ran, on which version, how they ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

RETENTION_S = 10 * 86_400.0
"""Execution data is kept for ten days."""
ERROR_REASON = "ACTION_ERROR"
"""What failed executions name when nothing else is set; the API has no public list of reasons."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """A steady stream of executions of the live version of a flow, from a moment on."""

    flow_id: str
    since: datetime
    per_minute: float
    error_rate: float = 0.0
    """The share of executions that fail, from 0 to 1."""
    version: str | None = None
    """Only executions of this version; None is whatever version serves them."""
    reason: str = ERROR_REASON


@dataclass(frozen=True, slots=True)
class Execution:
    id: str
    flow_id: str
    version: str
    started_at: datetime
    ended_at: datetime
    error: str | None = None
    """Why it failed."""
    conversation_id: str = ""
    name: str = ""
    launched: bool = False
    """Whether a client started it."""
    inputs: dict[str, object] = field(default_factory=dict)


class LogLevel(StrEnum):
    """`FlowLogLevel.level`, from least to most."""

    DISABLED = "Disabled"
    BASE = "Base"
    NOTES = "Notes"
    VERBOSE_NOTES = "VerboseNotes"
    ALL = "All"


CHARACTERISTICS = (
    "executionItems",
    "executionInputOutputs",
    "communications",
    "eventError",
    "eventWarning",
    "eventOther",
    "variables",
    "names",
)


def defaults(level: LogLevel) -> dict[str, bool]:
    """The characteristics of a level. Which level brings which is not documented; names come with all but Disabled."""
    rank = list(LogLevel).index(level)
    needed = {"executionInputOutputs": 3, "communications": 3, "eventOther": 2, "variables": 3, "eventWarning": 2}
    return {name: rank >= needed.get(name, 1) for name in CHARACTERISTICS}


@dataclass(slots=True)
class LogSetting:
    level: LogLevel
    characteristics: dict[str, bool]
    modified_at: datetime | None = None


@dataclass(slots=True)
class ExecutionDataSettings:
    enabled: bool = True
    """Off by default in a real organisation; on here, so that gates have something to judge."""
    enabled_since: datetime | None = None
    """Versions published before have no data; None means that it was always on."""
    modified_at: datetime | None = None
    default: LogSetting = field(default_factory=lambda: LogSetting(LogLevel.ALL, defaults(LogLevel.ALL)))
    flows: dict[str, LogSetting] = field(default_factory=dict)
    """Settings of single flows by their id."""

    def of(self, flow_id: str) -> LogSetting:
        return self.flows.get(flow_id, self.default)
