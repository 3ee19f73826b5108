"""Formats times, values and untrusted text for display."""

from __future__ import annotations

from datetime import datetime

from controller.diagnosis.model import Variable
from controller.diagnosis.nested import to_text

_JOINER = "\u200d"


def printable(text: str) -> str:
    """The text on one line. Escapes all characters that move the cursor, change direction or do not print."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char == _JOINER else char.encode("unicode_escape").decode() for char in text
    )


def shortened(text: str, longest: int) -> str:
    """The text, cut to `longest` characters with an ellipsis."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def shown_value(variable: Variable, longest: int = 120) -> str:
    """A variable's value as compact JSON on one line, or the reason why the organisation withheld it."""
    if variable.withheld:
        return f"({variable.withheld.value})"
    return shortened(printable(to_text(variable.value)), longest)


def shown_duration(ms: float | None) -> str:
    """`12 ms`, `3.40 s`, `2 min 05 s`; a dash for None."""
    if ms is None:
        return "-"
    if ms < 1000:
        return f"{ms:.0f} ms"
    if ms < 60_000:
        return f"{ms / 1000:.2f} s"
    minutes, seconds = divmod(round(ms / 1000), 60)
    return f"{minutes} min {seconds:02d} s"


def shown_time(moment: datetime | None) -> str:
    """ISO 8601 to the millisecond; a dash for None."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z") if moment else "-"
