"""Quotes words for messages, safe for terminals, and suggests the word that a mistyped one may mean."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_LONGEST = 80


def quoted(text: str) -> str:
    """The text in double quotes, with unprintable characters escaped and long text shortened."""
    cut = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    escaped = "".join(_escape(character) for character in cut)
    return f'"{escaped}"'


def _escape(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")


def near_miss(word: str, known: Iterable[str]) -> str | None:
    """The closest known word, with little weight on case; None if none is close."""
    by_folded = {candidate.casefold(): candidate for candidate in sorted(known, reverse=True)}
    close = get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[close[0]] if close else None


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """A hint for an error message, or None."""
    candidate = near_miss(word, known)
    return f"did you mean {candidate!r}?" if candidate is not None else None
