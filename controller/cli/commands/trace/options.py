"""Options that the trace commands share."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import typer

from controller.domain.errors import TraceRequestInvalid
from controller.domain.traces import SnapshotRange


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
