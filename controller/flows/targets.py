"""Reads a reference's target from Archy YAML: a literal name, an expression or variable, or none."""

from __future__ import annotations

import re
from collections.abc import Mapping

from controller.domain.references import Resolution
from controller.flows.expressions import named_in

CALLED_RESOURCES: Mapping[str, str] = {"agenticVirtualAgent": "virtual-agent", "guide": "guide"}
"""Keys below a `call...` action that hold names as keys, of things called like flows that are none, and their kind.

Source: `Dependency.type` of the Platform API (AGENTICVIRTUALAGENT, GUIDE).
"""
Target = tuple[str, Resolution]
_UNSET = re.compile(r"(?:To[A-Z]\w*\(\s*)?NOT_SET(?:\s*\))?")
"""`NOT_SET` or, with its type, `ToQueue(NOT_SET)`: deliberately empty."""


def target_in(value: object) -> Target | None:
    """The target of `{name: N}`, `{lit: {name: N}}`, `{exp: E}` or `{var: V}`; None without one."""
    if not isinstance(value, Mapping):
        return None
    name = literal_name(value)
    if name is not None:
        return name, Resolution.STATIC
    for key in ("exp", "var"):
        dynamic = value.get(key)
        if isinstance(dynamic, str) and not _UNSET.fullmatch(dynamic.strip()):
            return dynamic, Resolution.DYNAMIC
    return None


def resource_in(value: object) -> Target | None:
    """Like `target_in`, but None for an expression that looks up a resource, which the walk visits separately."""
    target = target_in(value)
    if target is not None and target[1] is Resolution.DYNAMIC and any(True for _ in named_in(target[0])):
        return None
    return target


def literal_name(value: Mapping[str, object]) -> str | None:
    """N of `{name: N}` or `{lit: {name: N}}` without any other key."""
    literal = value.get("lit", value)
    if isinstance(literal, Mapping):
        name = literal.get("name")
        if isinstance(name, str) and name and (literal is value or len(literal) == 1):
            return name
    return None


def keyed_targets(value: object) -> list[Target]:
    """The keys of a mapping as names (`botFlow: {Greeter: {...}}`), or its expression or variable."""
    if not isinstance(value, Mapping):
        return []
    if len(value) == 1 and any(isinstance(value.get(key), str) for key in ("exp", "var")):
        target = target_in(value)
        return [target] if target else []
    return [(key, Resolution.STATIC) for key in value if key not in ("none", "noValue")]
