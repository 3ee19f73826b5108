"""Tables on stdout: as wide as the terminal, and not squeezed where there is none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from controller.domain.redaction import SECRETS

_WIDTH_WITHOUT_TERMINAL = 200
_STYLES: Mapping[str, str] = {
    "Synced": "green",
    "Healthy": "green",
    "ok": "green",
    "ready": "green",
    "OutOfSync": "yellow",
    "Progressing": "yellow",
    "Suspended": "yellow",
    "warning": "yellow",
    "Unknown": "magenta",
    "unknown": "magenta",
    "Degraded": "bold red",
    "Missing": "bold red",
    "failed": "bold red",
    "not ready": "bold red",
}
"""The styles of verdicts on a terminal; other words are plain."""


class _Stdout(Console):
    """Raises when stdout was closed early, so that `main` chooses the exit code; rich would end with 1."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def console() -> Console:
    """A console for stdout."""
    found = _Stdout(highlight=False)
    return found if found.is_terminal else _Stdout(highlight=False, width=_WIDTH_WITHOUT_TERMINAL)


def judged(word: str) -> Text:
    """A verdict, a sync status or a health, in its colour."""
    return Text(word, style=_STYLES.get(word, ""))


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str | Text]], *, indent: int = 0) -> None:
    """A table without lines and without blanks at the ends of its lines."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(SECRETS.plain(cell)) for cell in row))
    target = console()
    options = target.options.update_width(max(target.width - indent, 20))
    for line in target.render_lines(table, options, pad=False):
        text = Text(" " * indent)
        for segment in line:
            text.append(segment.text, style=segment.style)
        text.rstrip()
        target.print(text, soft_wrap=True)
