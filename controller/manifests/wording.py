"""How messages show words, names and paths."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from controller.flows.suggestion import near_miss, quoted

__all__ = ["Path", "did_you_mean", "dotted", "one_of", "quoted"]
Path = tuple[str | int, ...]
"""Mapping keys and list indices from the document's root: `("spec", "gates", 0, "http")`."""
_PLAIN_KEY = re.compile(r"[\w.-]{1,80}", re.ASCII)


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """The hint that names the closest known word, or None when none is close."""
    close = near_miss(word, known)
    return f"did you mean {quoted(close)}?" if close is not None else None


def one_of(words: Iterable[str]) -> str:
    """`a, b or c`, in the order given."""
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


def dotted(path: Sequence[str | int]) -> str:
    """How people write a path: `spec.gates[0].http`; keys that are no plain words are quoted."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN_KEY.fullmatch(part):
            text += f".{part}" if text else part
        else:
            text += f"[{quoted(part)}]"
    return text
