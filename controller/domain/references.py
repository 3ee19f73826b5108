"""References of a flow: to other flows, and to resources that are not flows."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

BINDING_TYPES = frozenset({"bot", "commonmodule", "digitalbot"})
"""Types of flows to which callers bind: a caller keeps the version that was live when it was published.

Genesys documents it of common modules only; of bots and digital bots it is not known for sure.
"""
MODULE_TYPES = frozenset({"commonmodule"})
"""The types of which it is documented."""


class Resolution(StrEnum):
    """How much the content reveals of a reference's target."""

    STATIC = "static"
    """The content gives a name."""
    DYNAMIC = "dynamic"
    """An expression or a variable decides at run time: unresolvable, never missing."""
    UNKNOWN = "unknown"
    """A reference of an unknown kind."""


@dataclass(frozen=True, slots=True, order=True)
class FlowReference:
    """One flow that another flow calls, transfers to or hands over to."""

    name: str
    """The name of the target flow, or the expression of a dynamic reference."""
    types: tuple[str, ...]
    """Possible types, most likely first; empty if the content does not limit them."""
    action: str
    """The action that refers, in Archy's spelling (`callCommonModule`)."""
    path: str
    """Its path in the file, for display (`inboundCall.tasks[0].task.actions[2].callCommonModule`)."""
    resolution: Resolution = Resolution.STATIC
    binds_at_publish: bool = False
    """Whether the caller keeps the callee's version from its own publish (common modules, bots)."""
    flow_id: str | None = None
    """The id, if an organisation reported it; files never contain it."""
    where: str = field(default="", compare=False)
    """The enclosing element in Architect's words: `action 'Hours' (callCommonModule) in task 'Main'`."""
    position: tuple[int, int] | None = field(default=None, compare=False)
    """Its line and column in the file, both from 1."""


@dataclass(frozen=True, slots=True, order=True)
class ResourceReference:
    """A resource that is not a flow: a queue, a data action, a prompt, a data table."""

    kind: str
    """Kebab-case noun: `queue`, `data-action`, `data-table`, `user-prompt`, `schedule-group`, ..."""
    name: str
    """The resource's name; for a data action `category / action`."""
    path: str
    resolution: Resolution = Resolution.STATIC
    parts: tuple[str, ...] = ()
    """What is used of it: columns that a lookup reads from a data table, languages that a prompt is played in."""
    position: tuple[int, int] | None = field(default=None, compare=False)
    """Line and column of the name in the file, both from 1."""
