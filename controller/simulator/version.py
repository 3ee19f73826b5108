"""One version of a flow. Its content never changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from controller.simulator.actor import Actor


@dataclass(slots=True)
class Version:
    number: int
    text: str = field(repr=False)
    """Archy YAML."""
    created_at: datetime
    created_by: Actor
    published_at: datetime | None = None
    """Last time at which it became live; None if it was only checked in."""
    published_until: datetime | None = None
    """Time at which another version replaced it; None while it is live."""
    published_by: Actor | None = None
    bindings: dict[str, str] = field(default_factory=dict)
    """Flow id to version of the modules and bots bound at its last publish."""
    archived: bool = False

    @property
    def id(self) -> str:
        """`1.0`, `2.0`, ...: a counter per flow."""
        return f"{self.number}.0"

    @property
    def status(self) -> str:
        """`draft`, `published`, `deployed` (live now) or `archived`."""
        if self.archived:
            return "archived"
        if self.published_at is None:
            return "draft"
        return "published" if self.published_until else "deployed"


@dataclass(slots=True)
class SimulatedDraft:
    """A saved change that is not checked in: it has a token instead of a version."""

    id: str
    text: str = field(repr=False)
    saved_at: datetime
    saved_by: Actor
