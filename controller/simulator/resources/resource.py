"""A resource, and the resources in the state of an organisation: plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(slots=True)
class SimulatedResource:
    id: str
    kind: str
    """The name of its `SimulatedKind`."""
    name: str
    created_at: datetime
    parent: str = ""
    """The name of what it belongs to: the category of a data action, the library of a response."""
    division: str = "Home"
    changed_at: datetime | None = None
    fields: dict[str, object] = field(default_factory=dict)
    """Further fields of its model in the API."""
    parts: dict[str, dict[str, object]] = field(default_factory=dict)
    """The rows of a data table by key, the resources of a prompt by language, the members of a queue by id."""

    @property
    def key(self) -> str:
        """Its name as flows write it: `category / action` for what belongs to something."""
        return f"{self.parent} / {self.name}" if self.parent else self.name

    @property
    def entity(self) -> tuple[str, str]:
        """Id and name, for errors about the resource."""
        return self.id, self.name


@dataclass(slots=True)
class SimulatedResources:
    by_id: dict[str, SimulatedResource] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    """`kind/key` to the id of the resource that has this name now."""
    complete: set[str] = field(default_factory=set)
    """Kinds of which everything is known: the organisation has no others than `by_id`."""
    removed: set[str] = field(default_factory=set)
    """`kind/key` of resources that were deleted."""
