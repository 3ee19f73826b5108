r"""Pairs of escapes such as `\ud83d\ude42`, by which JSON writes one character; libyaml refuses them.

Before the text is read, each half becomes the escape of a private character, of the same length, so that positions
stay; afterwards two of these are one character again. Source: RFC 8259, chapter 7.
"""

from __future__ import annotations

import re

_ESCAPE = re.compile(r"\\(?:\\|u[dD]([89a-fA-F][0-9a-fA-F]{2}))")
"""Half of a pair, or a backslash that is itself escaped: what follows one is no escape."""
_HIDDEN = re.compile(r"\\(?:\\|u([eE])([89a-fA-F][0-9a-fA-F]{2}))")
_PAIR = re.compile("([\ue800-\uebff])([\uec00-\uefff])")
_HALF = re.compile("[\ue800-\uefff]")


def hide(text: str) -> str | None:
    """The text with private characters for halves of pairs; None where it has no halves, or such characters already."""
    if r"\ud" not in text and r"\uD" not in text:
        return None
    if _HALF.search(text) or any(match[1] for match in _HIDDEN.finditer(text)):
        return None
    return _ESCAPE.sub(
        lambda match: f"\\u{'E' if match[0][2] == 'D' else 'e'}{match[1]}" if match[1] else match[0], text
    )


def restore(value: str, *, escaped: bool) -> str:
    """A scalar's own text; `escaped` where its style knows escapes. Raises ValueError for half of a pair."""
    if not escaped:
        return _HIDDEN.sub(
            lambda match: f"\\u{'D' if match[1] == 'E' else 'd'}{match[2]}" if match[1] else match[0], value
        )
    joined = _PAIR.sub(lambda match: chr(0x10000 + ((ord(match[1]) - 0xE800) << 10) + ord(match[2]) - 0xEC00), value)
    if _HALF.search(joined):
        raise ValueError("half of a surrogate pair is not a character")
    return joined
