"""Width and colour of a stream."""

from __future__ import annotations

import os
from typing import TextIO

from controller.planning.rendering.layout import Screen

_USUAL_WIDTH = 80
"""Columns of a terminal that does not tell its size."""


def screen_of(stream: TextIO) -> Screen:
    """The stream's width in columns and whether it shows colour.

    COLUMNS counts before the terminal's own width. Without a terminal there is no colour, and no width unless COLUMNS
    is set. NO_COLOR (no-color.org) and TERM=dumb turn colour off.
    """
    terminal = stream.isatty()
    color = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    width_text = os.environ.get("COLUMNS", "")
    if width_text.isdecimal() and int(width_text) > 0:
        return Screen(int(width_text), color=color)
    return Screen(_terminal_width(stream) if terminal else None, color=color)


def _terminal_width(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or _USUAL_WIDTH
    except OSError:
        return _USUAL_WIDTH
