"""Traces as text, JSON and HTML, written piece by piece."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from controller.cli.commands.trace.options import TraceFormat
from controller.cli.output import output_to
from controller.diagnosis.analysis import Analysis
from controller.diagnosis.model import Trace
from controller.diagnosis.modules import LiveModule
from controller.diagnosis.page import page
from controller.diagnosis.report import Audit, report
from controller.diagnosis.timeline import timeline
from controller.domain.errors.process import SettingsInvalid
from controller.domain.traces import SnapshotRange
from controller.domain.visible import visible

Write = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class TraceStyle:
    """How traces are to be shown."""

    form: TraceFormat
    patterns: tuple[str, ...] = ()
    snapshots: tuple[SnapshotRange, ...] = ()
    only_anomalies: bool = False
    operator: str = "unknown"
    scopes: Callable[[], tuple[str, ...]] = tuple
    """The permissions of the calls that were made by now."""
    live: Mapping[str, LiveModule] = field(default_factory=dict)
    """Published versions by flow id, where the organisation was asked for them."""

    def analysis(self, trace: Trace) -> Analysis:
        """The trace, analysed and masked as asked."""
        return Analysis(trace, patterns=self.patterns, snapshot_ranges=self.snapshots, live=self.live)

    def pieces(self, analysis: Analysis, latency_ms: float) -> Iterator[str]:
        """One trace in the asked form."""
        if self.form is TraceFormat.JSON:
            audit = Audit(self.operator, self.scopes(), round(latency_ms, 3), datetime.now(UTC))
            yield from report(analysis, audit)
        elif self.form is TraceFormat.HTML:
            yield page(analysis)
        else:
            yield from (f"{line}\n" for line in timeline(analysis, only_anomalies=self.only_anomalies))


@dataclass(slots=True)
class PageFolder:
    """A folder with a page for each execution and an index of them."""

    folder: Path
    entries: list[tuple[str, str, str]] = field(default_factory=list)
    """File, title, and a summary."""

    def add(self, execution_id: str, analysis: Analysis) -> None:
        """Write the page of one execution."""
        name = f"{re.sub(r'[^A-Za-z0-9_-]', '_', execution_id)[:120]}.html"
        header, summary = analysis.header, analysis.summary()
        with output_to(self.folder / name) as write:
            write(page(analysis))
        found = f"{summary.steps} steps, {summary.failed} failed, {summary.anomalous} anomalies"
        self.entries.append((name, f"{header.flow_name or execution_id} {header.flow_version or ''}", found))

    def finish(self, headline: str) -> None:
        """Write the index."""
        rows = "".join(
            f'<li><a href="{escape(name)}">{escape(visible(title))}</a> {escape(name[:-5])}: {escape(found)}</li>\n'
            for name, title, found in self.entries
        )
        policy = "default-src 'none'; base-uri 'none'; form-action 'none'"
        with output_to(self.folder / "index.html") as write:
            write(
                '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
                f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
                f"<title>Executions</title></head>\n<body><h1>Executions</h1><p>{escape(visible(headline))}</p>\n"
                f"<ul>\n{rows}</ul></body></html>\n"
            )


def page_folder(out: Path | None) -> PageFolder:
    """The folder that `--out` names, made where it does not exist. Raises SettingsInvalid."""
    if out is None:
        raise SettingsInvalid("several executions are several pages", hint="name a folder for them: --out FOLDER")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsInvalid(f"{out} cannot be a folder: {error.strerror}", hint="choose another --out") from error
    return PageFolder(out)
