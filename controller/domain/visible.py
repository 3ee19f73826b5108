"""Makes all characters of a name visible, so that a name cannot control a terminal or hide a line."""

from __future__ import annotations

import unicodedata

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
JOINERS = frozenset("\u200d\ufe0f")
"""Parts of emoji, which hide nothing."""


def visible(text: str) -> str:
    """The text on one line, with control, formatting and direction-changing characters written as escapes."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(char) if _hides(char) else char for char in text)


def _hides(char: str) -> bool:
    return unicodedata.category(char) in _HIDDEN and char not in JOINERS


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
