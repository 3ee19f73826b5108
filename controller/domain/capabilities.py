"""The capabilities of each dialect, so that a manifest is refused at load time and not in a sync."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from controller.domain.errors.manifest import CapabilityMissing
from controller.domain.platform import Capability

T = TypeVar("T")

ARCHITECT = "architect"
VERSIONED = "versioned"

CAPABILITIES: Mapping[str, frozenset[Capability]] = {
    ARCHITECT: frozenset(
        {
            Capability.PUBLISH_SOURCE,
            Capability.DEPENDENCY_INDEX,
            Capability.CHANGED_SINCE,
            Capability.LAUNCH,
            Capability.EXECUTION_DATA,
            Capability.NOTIFICATIONS,
            Capability.YAML_EXPORT,
            Capability.UNPUBLISH,
            Capability.DELETE,
            Capability.UNLOCK,
        }
    ),
    VERSIONED: frozenset(
        {
            Capability.PERCENTAGE_ROLLOUT,
            Capability.ATOMIC_SWITCH,
            Capability.TRACE_SESSIONS,
            Capability.ACTION_TRACES,
            Capability.EXECUTION_DATA,
        }
    ),
}

ALTERNATIVES: Mapping[Capability, str] = {
    Capability.PUBLISH_SOURCE: "pin a version that exists in the organisation (spec.source.version)",
    Capability.PERCENTAGE_ROLLOUT: ("deploy in waves through dependencies and watch each with rollout.bake and gates"),
    Capability.LAUNCH: "use an http or errorRate gate",
    Capability.UNPUBLISH: "unpublish the flow in the organisation yourself",
    Capability.DELETE: "delete the flow in the organisation yourself",
    Capability.UNLOCK: "use onLocked: fail or wait",
}
"""Alternatives to the capabilities that a manifest can ask for."""


def provided(part: T | None, dialect: str, capability: Capability) -> T:
    """The part of a platform that a capability needs. Raises CapabilityMissing where the dialect lacks it."""
    if part is None:
        words = capability.value.replace("_", " ")
        raise CapabilityMissing(f"the {dialect} dialect cannot {words}", hint=ALTERNATIVES.get(capability))
    return part
