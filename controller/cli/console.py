"""Tables on stdout: as wide as the terminal, and not squeezed where there is none."""

from __future__ import annotations

from rich.console import Console

_WIDTH_WITHOUT_TERMINAL = 200


def console() -> Console:
    """A console for stdout."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=_WIDTH_WITHOUT_TERMINAL)
