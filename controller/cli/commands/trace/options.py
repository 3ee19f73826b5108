"""Options that the trace commands share; moments as ISO 8601, spans of time as `90s`, `15m`, `2h`, `7d`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

import typer

from controller.cli.moments import span
from controller.domain.errors.organization import TraceRequestInvalid
from controller.domain.errors.process import SettingsInvalid
from controller.domain.traces import SnapshotRange

DEFAULT_SPAN = timedelta(hours=1)


class TraceFormat(StrEnum):
    TEXT = "text"
    JSON = "json"
    HTML = "html"


Form = Annotated[TraceFormat, typer.Option("--format", "-f", help="text, json or html.")]
Mask = Annotated[
    list[str] | None, typer.Option("--mask", metavar="PATTERN", help="Mask variables with such names, too: '*phone*'.")
]
OnlyAnomalies = Annotated[bool, typer.Option("--anomalies-only", help="Show only steps with an anomaly.")]
Operator = Annotated[
    str | None, typer.Option("--operator", metavar="NAME", help="Who reads, for the audit log; the user by default.")
]
Snapshots = Annotated[
    list[str] | None,
    typer.Option("--snapshot", metavar="FIRST-LAST", help="The whole state after these steps, in JSON."),
]
AnyFlow = Annotated[str | None, typer.Option("--flow", help="metadata.name, type/name, name or id.")]


def snapshot_ranges(texts: Sequence[str] | None) -> tuple[SnapshotRange, ...]:
    """`0-10` or `7`, each as a range of steps. Raises TraceRequestInvalid."""
    return tuple(map(_range, texts or ()))


def _range(text: str) -> SnapshotRange:
    first, _, last = text.partition("-")
    if not first.isdecimal() or not (last or first).isdecimal():
        raise TraceRequestInvalid(f"--snapshot {text!r} is no range of steps", hint="write 0-10, or 7")
    return SnapshotRange(int(first), int(last or first))


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
