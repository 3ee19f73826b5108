"""Substitution of `{{name}}` in a flow file's text, before it is YAML: in values and in keys alike.

Archy and CX as Code replace the text as it is, so values are inserted plainly and may bring YAML of their own.
Values can be secrets: no error here repeats one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from controller.domain.errors import FlowFileInvalid
from controller.flows.suggestion import near_miss

PLACEHOLDER = re.compile(r"\{\{[ \t]*([\w.-]+)[ \t]*\}\}")
"""Blanks inside the braces do not count; a name is made of letters, digits, `_`, `.` and `-`."""


def placeholders(text: str) -> tuple[str, ...]:
    """The names that the text has placeholders for, each once, in the order in which they first stand."""
    return tuple(dict.fromkeys(match[1] for match in PLACEHOLDER.finditer(text)))


def render(text: str, substitutions: Mapping[str, str]) -> str:
    """The text with every placeholder replaced by its value, in one pass: a value's own braces stay as they are.

    Raises FlowFileInvalid for a placeholder without a value (at its line and column), for a value that no placeholder
    uses, and for a value that is not a string.
    """
    wanted = placeholders(text)
    _check_values(substitutions)
    _check_missing(text, wanted, substitutions)
    _check_unused(wanted, substitutions)
    return PLACEHOLDER.sub(lambda match: substitutions[match[1]], text)


def refuse_placeholders(text: str) -> None:
    """Raise FlowFileInvalid when a placeholder is left over."""
    match = PLACEHOLDER.search(text)
    if match is None:
        return
    line, column = position_in(text, match.start())
    raise FlowFileInvalid(
        f"the placeholder {{{{{match[1]}}}}} was not replaced",
        line=line,
        column=column,
        hint=f"give {match[1]!r} a value under spec.source.substitutions",
    )


def position_in(text: str, offset: int) -> tuple[int, int]:
    """Line and column, both from 1, of a character; lines end in LF, CRLF or CR."""
    before = text[:offset].replace("\r\n", "\n").replace("\r", "\n")
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def _check_values(substitutions: Mapping[str, str]) -> None:
    for name, value in substitutions.items():
        if not isinstance(value, str):
            raise FlowFileInvalid(
                f"the substitution {name!r} is {_kind(value)}, not text", hint="put its value in quotes"
            )


def _check_missing(text: str, wanted: tuple[str, ...], substitutions: Mapping[str, str]) -> None:
    missing = [name for name in wanted if name not in substitutions]
    if not missing:
        return
    first = next(match for match in PLACEHOLDER.finditer(text) if match[1] == missing[0])
    line, column = position_in(text, first.start())
    raise FlowFileInvalid(
        f"no value for {', '.join(f'{{{{{name}}}}}' for name in missing)}",
        line=line,
        column=column,
        hint=_hint(missing, set(substitutions) - set(wanted)) or "add it under spec.source.substitutions",
    )


def _check_unused(wanted: tuple[str, ...], substitutions: Mapping[str, str]) -> None:
    unused = sorted(set(substitutions) - set(wanted))
    if not unused:
        return
    names = ", ".join(repr(name) for name in unused)
    there = f"it has {', '.join(f'{{{{{name}}}}}' for name in wanted)}" if wanted else "it has no placeholders at all"
    raise FlowFileInvalid(
        f"the file has no placeholder for the substitution{'s' if len(unused) > 1 else ''} {names}",
        hint=_hint(unused, wanted) or f"remove it; {there}",
    )


def _hint(names: list[str], candidates: set[str] | tuple[str, ...]) -> str | None:
    for name in names:
        candidate = near_miss(name, candidates)
        if candidate is not None:
            return f"did you mean {candidate!r} for {name!r}?"
    return None


def _kind(value: object) -> str:
    kinds = {bool: "a boolean", int: "a number", float: "a number", type(None): "empty"}
    return kinds.get(type(value), "a collection")
