"""Scalars by the core schema of YAML 1.2: `yes`, `no`, `on`, `off` and dates stay text.

PyYAML's own resolvers follow YAML 1.1, which would turn Architect's decision outputs (`yes:`, `no:`) into booleans.
Source: YAML 1.2.2, chapter 10.3.2.
"""

from __future__ import annotations

import re

import yaml

TAG = "tag:yaml.org,2002:"
STR, INT, FLOAT, BOOL, NULL = (TAG + kind for kind in ("str", "int", "float", "bool", "null"))
MAXIMUM_DIGITS = 400
"""Largest number of digits. Longer numbers cost quadratic time, and no flow contains one."""

_PATTERNS: tuple[tuple[str, str, str], ...] = (
    (NULL, r"~|null|Null|NULL|", "~nN\0"),
    (BOOL, r"true|True|TRUE|false|False|FALSE", "tTfF"),
    (INT, r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    (FLOAT, r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
    (FLOAT, r"[-+]?(?:\.inf|\.Inf|\.INF)|\.nan|\.NaN|\.NAN", "-+."),
)
_BASES = {"0o": 8, "0x": 16}


class FlowLoader(yaml.CSafeLoader):
    """libyaml's reader with the resolvers of the core schema instead of YAML 1.1's."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own way


for _tag, _pattern, _first in _PATTERNS:
    _starts = ["" if character == "\0" else character for character in _first]
    FlowLoader.add_implicit_resolver(_tag, re.compile(rf"^(?:{_pattern})\Z"), _starts)


def tag_of(value: str, *, plain: bool) -> str:
    """The tag of an untagged scalar."""
    candidates = FlowLoader.yaml_implicit_resolvers.get(value[:1], []) if plain else []
    return next((tag for tag, pattern in candidates if pattern.match(value)), STR)


def scalar(tag: str, value: str) -> object:
    """The Python value of a scalar. Raises ValueError for an unknown tag or an impossible value."""
    if tag == STR:
        return value
    if tag == NULL:
        return None
    if tag == BOOL:
        if value.casefold() not in ("true", "false"):
            raise ValueError("a boolean must be true or false")
        return value.casefold() == "true"
    if len(value) > MAXIMUM_DIGITS:
        raise ValueError(f"a number may have at most {MAXIMUM_DIGITS} digits")
    if tag == INT:
        return int(value[2:], _BASES[value[:2]]) if value[:2] in _BASES else int(value)
    if tag == FLOAT:
        folded = value.casefold()
        return float(folded.replace(".", "") if folded.endswith((".inf", ".nan")) else folded)
    raise ValueError(f"the tag {tag.replace(TAG, '!!')} is not allowed")
