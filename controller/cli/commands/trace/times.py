"""Times on the command line: moments as ISO 8601, spans as `90s`, `15m`, `2h`, `7d`."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from controller.domain.errors import SettingsInvalid

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
DEFAULT_SPAN = timedelta(hours=1)


def span(text: str, option: str) -> timedelta:
    """The span. Raises SettingsInvalid."""
    match = re.fullmatch(r"(\d{1,6}(?:\.\d+)?)([smhd])", text.strip())
    if match is None or float(match[1]) == 0:
        raise SettingsInvalid(f"{option}: {text!r} is no span of time", hint="write 90s, 15m, 2h or 7d")
    return timedelta(**{_UNITS[match[2]]: float(match[1])})


def moment(text: str, option: str) -> datetime:
    """The moment, aware. Raises SettingsInvalid."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        why = "is no moment" if found is None else "has no time zone"
        raise SettingsInvalid(f"{option}: {text!r} {why}", hint="write 2026-08-10T14:50:00Z")
    return found


def period(
    since: str | None, until: str | None, last: str | None, now: datetime, *, oldest: datetime | None = None
) -> tuple[datetime, datetime]:
    """From when to when: what `--since`, `--until` and `--last` say, or from `oldest` on, or else the last hour.

    Raises SettingsInvalid.
    """
    if since and last:
        raise SettingsInvalid("--since and --last both say where the range begins", hint="give one of them")
    end = moment(until, "--until") if until else now
    if since:
        return moment(since, "--since"), end
    if oldest is not None and not last:
        return oldest, end
    return end - (span(last, "--last") if last else DEFAULT_SPAN), end
