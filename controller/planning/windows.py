"""Maintenance windows: cron expressions with a duration and a time zone.

Starts follow the wall clock of their zone (`cronsim` treats changes to and from summer time as Debian's cron does);
durations are elapsed time. All arithmetic is in UTC.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

from controller.domain.desired import Window, WindowKind

HORIZON = timedelta(days=400)
"""How far ahead to search for an opening."""
MAX_STEPS = 1000
AMBIGUOUS = timedelta(hours=3)
"""More than any change of clocks."""


@dataclass(frozen=True, slots=True)
class Closure:
    """Changes are not allowed now."""

    reason: str
    opens_at: datetime | None
    """In UTC; None when no opening comes within the horizon."""


def closure(windows: Sequence[Window], now: datetime) -> Closure | None:
    """Why and until when changes are forbidden; None if they are allowed.

    A deny window overrides all allow windows. If there are allow windows, one of them must be open. Raises CronSimError
    or KeyError for a schedule or a zone that `manifests` should have rejected.
    """
    now = now.astimezone(UTC)
    reason, moment = _closed_until(windows, now)
    if reason is None:
        return None
    for _ in range(MAX_STEPS):
        if moment is None or moment - now > HORIZON:
            return Closure(reason, None)
        still, later = _closed_until(windows, moment)
        if still is None:
            return Closure(reason, moment)
        moment = later
    return Closure(reason, None)


def _closed_until(windows: Sequence[Window], moment: datetime) -> tuple[str | None, datetime | None]:
    """Why changes are forbidden at a moment, and the earliest moment when that can change; two Nones if allowed."""
    for window in windows:
        end = _open_until(window, moment)
        if window.kind is WindowKind.DENY and end is not None:
            return f"{_words(window)} denies changes", end
    allowing = [window for window in windows if window.kind is WindowKind.ALLOW]
    if not allowing or any(_open_until(window, moment) for window in allowing):
        return None, None
    starts = [start for window in allowing for start in [_next_start(window, moment)] if start is not None]
    return f"changes are allowed only in {' or '.join(map(_words, allowing))}", min(starts, default=None)


def _open_until(window: Window, moment: datetime) -> datetime | None:
    """The end of a window that is open at the moment, exclusive; None if it is closed."""
    duration = timedelta(seconds=window.duration_s)
    start = _latest_start(window, moment, moment - duration)
    return start + duration if start else None


def _latest_start(window: Window, moment: datetime, earliest: datetime) -> datetime | None:
    """The last start up to the moment and after `earliest`.

    The most recent hours are searched forwards, because a backward search misses starts in an hour that occurs twice.
    Earlier times are searched backwards, because a week-long window that starts each minute has ten thousand starts.
    """
    recent = max(earliest, _before_a_clock_change(moment - AMBIGUOUS, ZoneInfo(window.timezone)))
    latest = None
    for start in _starts(window, recent):
        if start > moment:
            break
        latest = start
    if latest is not None or recent == earliest:
        return latest
    local = (recent + timedelta(seconds=1)).astimezone(ZoneInfo(window.timezone))
    before = next(CronSim(window.schedule, local, reverse=True), None)
    found = before.astimezone(UTC) if before else None
    return found if found is not None and found > earliest else None


def _before_a_clock_change(moment: datetime, zone: ZoneInfo) -> datetime:
    """The moment, or an earlier one outside the hours that follow a change of clocks."""
    changed = moment.astimezone(zone).utcoffset() != (moment - AMBIGUOUS).astimezone(zone).utcoffset()
    return moment - AMBIGUOUS if changed else moment


def _next_start(window: Window, moment: datetime) -> datetime | None:
    return next(_starts(window, moment), None)


def _starts(window: Window, after: datetime) -> Iterator[datetime]:
    """The starts of the window after a moment, in UTC."""
    for start in CronSim(window.schedule, after.astimezone(ZoneInfo(window.timezone))):
        in_utc = start.astimezone(UTC)
        if in_utc > after:
            yield in_utc


def _words(window: Window) -> str:
    minutes, seconds = divmod(round(window.duration_s), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "min"), (seconds, "s"))
    lasts = " ".join(f"{amount} {unit}" for amount, unit in parts if amount)
    return f"{window.kind} window {window.schedule!r} for {lasts} ({window.timezone})"
