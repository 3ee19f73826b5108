"""`penstock preflight`: would a delivery be let in?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from controller.cli import exit_codes
from controller.cli.options import Folder, Format, Organizations, TextOrJson
from controller.cli.running import answer, opened_services
from controller.domain.documents import filled, json_text
from controller.domain.redaction import SECRETS
from controller.genesys.preflight import PreflightReport
from controller.questions.preflight import preflight_organization
from controller.reconcile.services import Services
from controller.reconcile.settings import load_settings
from controller.reconcile.workspace import Workspace, open_folder

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


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckDocument:
    """A check."""

    name: str
    """The check."""
    verdict: str
    """`ok`, `warning`, `failed` or `unknown`."""
    message: str
    """The finding."""
    hint: str | None
    """How to mend it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationPreflightDocument:
    """An organisation's preflight."""

    name: str
    """The organisation."""
    dialect: str
    """Its `spec.api`."""
    ready: bool
    """Whether no check failed."""
    organization: str | None
    """The name that it gives itself."""
    missing_permissions: Sequence[str]
    """The permissions that are needed, and not granted."""
    unproven_permissions: Sequence[str]
    """The permissions that are needed, and not provable without writing."""
    execution_data: bool | None
    """Whether executions are recorded; null where the organisation does not tell."""
    log_level: str | None
    """The log level of the flows that have none of their own; null where nothing is recorded or it is not told."""
    rate_limit_per_minute: int | None
    """How many requests a minute the organisation allows this client."""
    clock_skew_s: float | None
    """Whole seconds by which its clock is ahead of this machine's; less than 0 where it is behind."""
    dependency_index: str | None
    """The status of its dependency index."""
    checks: Sequence[CheckDocument]
    """All checks, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreflightDocument:
    """`penstock preflight --format json`: whether each organisation lets a delivery in."""

    schema: Literal["penstock.preflight/v1"] = "penstock.preflight/v1"
    organizations: Sequence[OrganizationPreflightDocument]
    """One entry for each organisation."""


def preflight(folder: Folder = Path(), organization: Organizations = None, output: Format = TextOrJson.TEXT) -> int:
    """Show the checks of each organisation; 1 unless all are ready."""
    settings = load_settings()
    workspace = open_folder(folder, settings, organization or ())
    with opened_services(settings) as services:
        reports = answer(services, _reports(services, workspace))
    if output is TextOrJson.JSON:
        document = PreflightDocument(organizations=[_document(name, report) for name, report in reports.items()])
        print(json_text(document, ascii_only=True))
    else:
        _show(reports)
    return exit_codes.DONE if all(report.ok for report in reports.values()) else exit_codes.ERROR


async def _reports(services: Services, workspace: Workspace) -> dict[str, PreflightReport]:
    return {each.name: await preflight_organization(services, each) for each in workspace.desired.organizations}


def _show(reports: dict[str, PreflightReport]) -> None:
    for name, report in reports.items():
        console().print(Text(f"{name} ({report.dialect}): ") + judged("ready" if report.ok else "not ready"))
        rows = [
            (check.name, judged(check.verdict.value), check.message + (f"\n{check.hint}" if check.hint else ""))
            for check in report.checks
        ]
        print_table(("CHECK", "VERDICT", "WHAT WAS SEEN"), rows, indent=2)


def _document(name: str, report: PreflightReport) -> OrganizationPreflightDocument:
    checks = [filled(CheckDocument, check) for check in report.checks]
    return filled(OrganizationPreflightDocument, report, name=name, ready=report.ok, checks=checks)


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
    """A table on stdout, as wide as the terminal, without lines and without blanks at the ends of its lines."""
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
