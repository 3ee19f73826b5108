"""Moments and spans of time on the command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from controller.domain.errors.process import SettingsInvalid

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_SPAN = re.compile(r"(\d{1,6}(?:\.\d+)?)([smhd])")


def span(text: str, option: str) -> timedelta:
    """A span of time such as `90s`, `15m`, `2h` or `7d`. Raises SettingsInvalid."""
    match = _SPAN.fullmatch(text.strip())
    if match is None or float(match[1]) == 0:
        raise SettingsInvalid(f"{option}: {text!r} is no span of time", hint="write 90s, 15m, 2h or 7d")
    return timedelta(**{_UNITS[match[2]]: float(match[1])})


def past_moment(text: str, option: str, now: datetime) -> datetime:
    """A moment up to now, in UTC: ISO 8601, without an offset in UTC, or a span ago such as `2h`.

    Raises SettingsInvalid.
    """
    said = text.strip().removesuffix(" ago")
    if _SPAN.fullmatch(said):
        return now - span(said, option)
    try:
        found = datetime.fromisoformat(said)
        found = (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        hint = "write 2026-11-24T14:05Z, '2026-11-24 14:05' (UTC), or 2h for two hours ago"
        raise SettingsInvalid(f"{option}: {text!r} is no moment", hint=hint) from error
    if found > now:
        raise SettingsInvalid(f"{option}: {text!r} is in the future", hint=f"it is {now:%Y-%m-%d %H:%M:%S} UTC now")
    return found


def has_offset(text: str) -> bool:
    """Whether a moment on the command line says its offset from UTC; a span needs none."""
    said = text.strip().removesuffix(" ago")
    if _SPAN.fullmatch(said):
        return True
    return datetime.fromisoformat(said).tzinfo is not None
