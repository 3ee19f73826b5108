"""What a flow refers to: other flows, and resources that are not flows."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

BINDING_TYPES = frozenset({"bot", "commonmodule", "digitalbot"})
"""Types of flows whose callers keep the version that was live when the caller was published."""


class Resolution(StrEnum):
    """How well the content tells what is meant."""

    STATIC = "static"
    """A name stands in the content."""
    DYNAMIC = "dynamic"
    """An expression or a variable decides at run time: unresolvable, never missing."""
    UNKNOWN = "unknown"
    """It looks like a reference, but of a kind this reader does not know."""


@dataclass(frozen=True, slots=True, order=True)
class FlowReference:
    """One flow that another flow calls, transfers to or hands over to."""

    name: str
    """The name of the flow that is meant, or the expression when it is dynamic."""
    types: tuple[str, ...]
    """The types it can have, most likely first; empty when the content does not limit it."""
    action: str
    """The action that refers, in Archy's spelling (`callCommonModule`)."""
    path: str
    """Where it stands in the file, for people (`inboundCall.tasks[0].task.actions[2].callCommonModule`)."""
    resolution: Resolution = Resolution.STATIC
    binds_at_publish: bool = False
    """Whether the caller keeps the callee's version of the moment it was published (common modules, bots)."""
    flow_id: str | None = None
    """The id, where an organisation told it; files never do."""
    where: str = field(default="", compare=False)
    """What it stands in, in Architect's words: `action 'Hours' (callCommonModule) in task 'Main'`."""
    position: tuple[int, int] | None = field(default=None, compare=False)
    """Line and column of it in its file, both from 1."""


@dataclass(frozen=True, slots=True, order=True)
class ResourceReference:
    """A resource that is not a flow: a queue, a data action, a prompt, a data table."""

    kind: str
    """Kebab-case noun: `queue`, `data-action`, `data-table`, `user-prompt`, `schedule-group`, ..."""
    name: str
    """The resource's name; for a data action `category / action`."""
    path: str
    resolution: Resolution = Resolution.STATIC
