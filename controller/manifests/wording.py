"""How names from files are shown in messages: quoted, with everything that a terminal could act on escaped."""

from __future__ import annotations

from collections.abc import Iterable

from controller.flows.suggestion import near_miss

_LONGEST = 80


def quoted(text: str) -> str:
    """The text in double quotes; characters that cannot be printed are escaped, long text is cut."""
    cut = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    escaped = "".join(_escape(character) for character in cut)
    return f'"{escaped}"'


def _escape(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """The hint that names the closest known word, or None when none is close."""
    close = near_miss(word, known)
    return f"did you mean {quoted(close)}?" if close is not None else None


def one_of(words: Iterable[str]) -> str:
    """`a, b or c`, in the order given."""
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last
