"""What an organisation records of executions: what error-rate gates and traces live on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

LEVELS = ("Disabled", "Base", "Notes", "VerboseNotes", "All")
"""Log levels of the architect dialect, from nothing to everything; an organisation may know more."""
DISABLED = "Disabled"


@dataclass(frozen=True, slots=True)
class LogLevel:
    """How much is recorded of one execution."""

    level: str
    characteristics: Mapping[str, bool] = field(default_factory=dict)
    """What is recorded, by the organisation's own names: `executionItems`, `variables`, `names`, ..."""

    @property
    def left_out(self) -> tuple[str, ...]:
        """What is not recorded, sorted."""
        return tuple(sorted(name for name, recorded in self.characteristics.items() if not recorded))

    @property
    def records(self) -> bool:
        return self.level.lower() != DISABLED.lower()


@dataclass(frozen=True, slots=True)
class Recording:
    """What is recorded of one flow's executions. None is what could not be told."""

    enabled: bool | None = None
    """The organisation's switch: without it nothing is recorded, whatever the level."""
    level: LogLevel | None = None

    @property
    def fault(self) -> str | None:
        """Why executions of the flow cannot be seen, in words; None where nothing is known to hide them."""
        if self.enabled is False:
            return "execution data is off in the organisation"
        if self.level is not None and not self.level.records:
            return f"the flow's log level is {self.level.level}"
        return None
