"""Executions of flows: times, version and result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

RETENTION_S = 10 * 86_400.0
"""Execution data is kept for ten days."""
ERROR_REASON = "ACTION_ERROR"
"""The default error reason; the API has no public list of reasons."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """A steady stream of executions of a flow, from one moment on."""

    flow_id: str
    since: datetime
    per_minute: float
    error_rate: float = 0.0
    """The share of executions that fail, from 0 to 1."""
    version: str | None = None
    """Restricts the stream to this version; None means all versions."""
    reason: str = ERROR_REASON


@dataclass(frozen=True, slots=True)
class Execution:
    id: str
    flow_id: str
    version: str
    started_at: datetime
    ended_at: datetime
    error: str | None = None
    """The error reason."""
    conversation_id: str = ""
    name: str = ""
    launched: bool = False
    """Whether a client launched it."""
    inputs: dict[str, object] = field(default_factory=dict)


class SimulatedLogLevel(StrEnum):
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


_MINIMUM: Mapping[str, SimulatedLogLevel] = MappingProxyType(
    {
        "variables": SimulatedLogLevel.NOTES,
        "communications": SimulatedLogLevel.VERBOSE_NOTES,
        "executionInputOutputs": SimulatedLogLevel.ALL,
    }
)
DEPENDS_ON: Mapping[str, str] = MappingProxyType({"executionInputOutputs": "executionItems"})
"""Characteristics that depend on another one."""


def minimum(characteristic: str) -> SimulatedLogLevel:
    """The lowest level that can record it, according to Genesys' resource centre.

    Base records actions, menus, errors and events. Notes adds the values of variables, VerboseNotes communications, and
    All the inputs and outputs of actions. This simulator assumes that every level records names.
    """
    return _MINIMUM.get(characteristic, SimulatedLogLevel.BASE)


def defaults(level: SimulatedLogLevel) -> dict[str, bool]:
    """The default characteristics of a level: all that it can record."""
    ranks = list(SimulatedLogLevel)
    return {name: ranks.index(level) >= ranks.index(minimum(name)) for name in CHARACTERISTICS}


@dataclass(slots=True)
class LogSetting:
    level: SimulatedLogLevel
    characteristics: dict[str, bool]
    modified_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LogChange:
    """A replaced setting. It still applies to executions that ended before."""

    at: datetime
    flow_id: str | None
    """None for the organisation's default."""
    before: LogSetting | None
    """None if the flow had no setting of its own."""


@dataclass(slots=True)
class LogSettings:
    enabled: bool = True
    """Whether execution data is recorded. Real organisations default to off; here it is on, because gates need data."""
    enabled_since: datetime | None = None
    """Versions published earlier have no data; None means no such limit."""
    modified_at: datetime | None = None
    default: LogSetting = field(
        default_factory=lambda: LogSetting(SimulatedLogLevel.ALL, defaults(SimulatedLogLevel.ALL))
    )
    flows: dict[str, LogSetting] = field(default_factory=dict)
    """Settings of single flows, by id."""

    changes: list[LogChange] = field(default_factory=list)
    """Oldest first."""

    def at(self, flow_id: str, moment: datetime) -> LogSetting:
        """The setting that applied to an execution that ended at this moment."""
        if not self.changes:
            return self.flows.get(flow_id) or self.default
        own = self._then(flow_id, self.flows.get(flow_id), moment)
        return own or self._then(None, self.default, moment) or self.default

    def _then(self, flow_id: str | None, current: LogSetting | None, moment: datetime) -> LogSetting | None:
        later = (change.before for change in self.changes if change.flow_id == flow_id and change.at > moment)
        return next(later, current)

    def change(self, flow_id: str | None, setting: LogSetting | None, now: datetime) -> None:
        """Replace the setting from now on. None removes a flow's own setting and resets the default to Base."""
        if flow_id is None:
            self.changes.append(LogChange(now, None, self.default))
            self.default = setting or LogSetting(SimulatedLogLevel.BASE, defaults(SimulatedLogLevel.BASE), now)
            return
        self.changes.append(LogChange(now, flow_id, self.flows.pop(flow_id, None)))
        if setting:
            self.flows[flow_id] = setting
