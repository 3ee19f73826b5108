"""`penstock trace file`: an execution file that was downloaded before."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from controller.cli.commands.trace.options import Form, Mask, OnlyAnomalies, Snapshots, TraceFormat, snapshot_ranges
from controller.cli.commands.trace.style import TraceStyle
from controller.cli.options import Out
from controller.cli.output import output_to
from controller.cli.workspace import actor
from controller.diagnosis.architect_reader import open_execution
from controller.domain.errors.process import SettingsInvalid
from controller.questions.executions import text_chunks


def file(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A downloaded execution file (JSON).")],
    anomalies_only: OnlyAnomalies = False,
    mask: Mask = None,
    snapshot: Snapshots = None,
    output: Form = TraceFormat.TEXT,
    out: Out = None,
) -> None:
    """Show the file. Raises SettingsInvalid when it cannot be read, and TraceUnreadable."""
    style = TraceStyle(
        output, tuple(mask or ()), snapshot_ranges(snapshot), only_anomalies=anomalies_only, operator=actor()
    )
    try:
        analysis = style.analysis(open_execution(partial(text_chunks, path)))
    except OSError as error:
        raise SettingsInvalid(f"cannot read {path}: {error.strerror}") from error
    with output_to(out) as write:
        for piece in style.pieces(analysis, 0.0):
            write(piece)
