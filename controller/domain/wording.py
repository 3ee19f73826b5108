"""Formats counts and durations for sentences."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """`1 flow`, `2 flows`; the noun's plural must end in s."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def span(seconds: float) -> str:
    """`42 s`, `9 min 05 s`, `2 h 00 min`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def advised(message: str, hint: str | None) -> str:
    """The message, with the way out behind a semicolon where there is one."""
    return f"{message}; {hint}" if hint else message
