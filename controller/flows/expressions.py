"""Finds the names in an Architect expression: `FindQueue("Sales")`, `Prompt.Welcome`, and those known only at run time.

Source: Architect's expression help, and the expressions of public flows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from controller.domain.references import Resolution

FINDERS: Mapping[str, str] = MappingProxyType(
    {
        "FindEmergencyGroup": "emergency-group",
        "FindGroup": "group",
        "FindLanguageSkill": "language-skill",
        "FindQueue": "queue",
        "FindQueueById": "queue",
        "FindSchedule": "schedule",
        "FindScheduleGroup": "schedule-group",
        "FindSkill": "skill",
        "FindSystemPrompt": "system-prompt",
        "FindUser": "user",
        "FindUserById": "user",
        "FindUserPrompt": "user-prompt",
        "FindWrapupCode": "wrap-up-code",
    }
)
"""Lookup functions and the kinds of resources that they find."""
_NOT_RESOURCES = frozenset({"FindString", "FindStringLast", "FindFirst", "FindLast"})
_CALL = re.compile(r"(?<![\w.])(Find[A-Z]\w*)\s*\(\s*")
_LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"\s*\)', re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_PROMPT = re.compile(r"(?<![\w.])Prompt(System)?\.([^\W\d]\w*)")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Named:
    """One name or lookup in an expression."""

    kind: str
    name: str
    resolution: Resolution


def named_in(expression: str) -> Iterator[Named]:
    """All names in an expression, in order, prompts last. Text in quotes does not count."""
    covered = [match.span() for match in _STRING.finditer(expression)]
    for call in _CALL.finditer(expression):
        if call[1] not in _NOT_RESOURCES and not any(start <= call.start() < end for start, end in covered):
            yield from _looked_up(call[1], expression, call.end())
    for prompt in _PROMPT.finditer(_STRING.sub('""', expression)):
        yield Named("system-prompt" if prompt[1] else "user-prompt", prompt[2], Resolution.STATIC)


def _looked_up(function: str, expression: str, start: int) -> Iterator[Named]:
    literal = _LITERAL.match(expression, start)
    kind = FINDERS.get(function)
    if literal is not None and not function.endswith("ById"):
        resolution = Resolution.UNKNOWN if kind is None else Resolution.STATIC
        yield Named(kind or "unknown", _ESCAPE.sub(r"\1", literal[1]), resolution)
    elif kind is not None:
        yield Named(kind, expression, Resolution.DYNAMIC)
