"""Markers that git leaves in a file that two branches changed."""

from __future__ import annotations

import re

_MARKER = re.compile(r"^(?:<{7}|>{7})(?: .*)?$", re.MULTILINE)
MARKER_FOUND = "a marker of a merge conflict"
MARKER_HINT = "choose between the two sides, remove the markers, and commit"


def conflict_line(text: str) -> int | None:
    """The line of the first marker, from 1; None where there is none. Only for text that is not YAML."""
    unified = text.replace("\r\n", "\n")
    found = _MARKER.search(unified)
    return None if found is None else unified.count("\n", 0, found.start()) + 1
