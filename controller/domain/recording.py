"""Settings of recorded execution data, which error-rate gates and traces depend on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

LEVELS = ("Disabled", "Base", "Notes", "VerboseNotes", "All")
"""Log levels of the architect dialect, in rising order; an organisation may have others."""
DISABLED = "Disabled"


@dataclass(frozen=True, slots=True)
class LogLevel:
    """The level of detail that is recorded of executions."""

    level: str
    characteristics: Mapping[str, bool] = field(default_factory=dict)
    """Recorded characteristics, by the organisation's names: `executionItems`, `variables`, `names`, ..."""

    @property
    def left_out(self) -> tuple[str, ...]:
        """Characteristics that are not recorded, sorted."""
        return tuple(sorted(name for name, recorded in self.characteristics.items() if not recorded))

    @property
    def records(self) -> bool:
        return self.level.lower() != DISABLED.lower()


@dataclass(frozen=True, slots=True)
class Recording:
    """The recording of one flow's executions. None is an unknown value."""

    enabled: bool | None = None
    """The organisation's switch. If it is off, nothing is recorded at any level."""
    level: LogLevel | None = None

    @property
    def fault(self) -> str | None:
        """Why executions of the flow are not visible, as text; None without a known reason."""
        if self.enabled is False:
            return "execution data is off in the organisation"
        if self.level is not None and not self.level.records:
            return f"the flow's log level is {self.level.level}"
        return None
