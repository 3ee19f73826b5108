"""Texts that are written to a forge, in a form that runs nothing there."""

from __future__ import annotations

import re

_LINE_BREAK = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\ufeff]")
_COMMAND = re.compile(r"^/", re.MULTILINE)


def inert(text: str) -> str:
    """The text without control characters, and without lines that GitLab takes for a quick action.

    GitLab carries out a line such as `/approve` or `/merge` with the rights of the account that posts it, and
    names of flows can hold such a line. A space before the slash makes it text, and Markdown shows both alike.
    """
    return _COMMAND.sub(" /", _CONTROL.sub("", _LINE_BREAK.sub("\n", text)))


def cut(text: str, limit: int) -> str:
    """One line of at most so many characters."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
