"""The resources of an organisation that are no flows: what it has of one kind, and what a flow needs that it lacks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from controller.domain.references import ResourceReference


class ResourcePolicy(StrEnum):
    """What happens to a change whose flow needs a resource that the organisation lacks."""

    BLOCK = "block"
    WARN = "warn"
    IGNORE = "ignore"
    """Resources are not looked up."""


@dataclass(frozen=True, slots=True)
class ResourceListing:
    """What an organisation has of one kind, as one reading of its listing showed it to this client."""

    kind: str
    names: Mapping[str, frozenset[str] | None] = field(default_factory=dict)
    """The parts of each resource by its name, as in `ResourceReference`; None where the organisation tells none."""
    unknown: str | None = None
    """Why a name that is not listed may exist all the same; None for a listing that was read to its end."""
    partial: bool = False
    """Whether the organisation itself says that its listing is incomplete (206): nobody has to mend anything."""
    read_at: datetime | None = field(default=None, compare=False)
    """When the reading began, by our clock."""


@dataclass(frozen=True, slots=True, order=True)
class MissingResource:
    """A resource that a flow names and the organisation lacks, or parts of it."""

    reference: ResourceReference
    parts: tuple[str, ...] = ()
    """The parts that are missing; empty where the whole resource is."""
    close: str | None = None
    """The name, or of parts the first one's, that is probably meant."""
