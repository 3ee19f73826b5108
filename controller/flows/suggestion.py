"""The near miss: the known word that a mistyped one most likely means."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def near_miss(word: str, known: Iterable[str]) -> str | None:
    """The closest of the known words, upper and lower case counting little; None when none is close."""
    by_folded = {candidate.casefold(): candidate for candidate in sorted(known, reverse=True)}
    close = get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[close[0]] if close else None


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """A hint for an error message, or None."""
    candidate = near_miss(word, known)
    return f"did you mean {candidate!r}?" if candidate is not None else None
