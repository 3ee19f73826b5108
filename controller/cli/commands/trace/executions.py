"""`penstock trace executions`: executions, found, read one by one, and shown."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import structlog
import typer
from rich.progress import Progress

from controller.cli import exit_codes
from controller.cli.commands.trace.found import Ending, ExecutionsFound
from controller.cli.commands.trace.options import (
    AnyFlow,
    Form,
    Mask,
    OnlyAnomalies,
    Operator,
    Snapshots,
    TraceFormat,
    period,
    snapshot_ranges,
)
from controller.cli.commands.trace.style import TraceStyle, page_folder
from controller.cli.commands.trace.views import JsonView, PagesView, SingleView, TextView, View
from controller.cli.options import FolderOption, OneOrganization
from controller.cli.output import output_to
from controller.cli.progress_bars import new_progress
from controller.cli.running import answer, opened_services
from controller.cli.workspace import actor, only_organization
from controller.diagnosis.analysis import Analysis
from controller.diagnosis.error_rate import measure_error_rate
from controller.diagnosis.modules import StaleCaller
from controller.diagnosis.query import retention
from controller.domain.capabilities import ARCHITECT
from controller.domain.desired import Organization
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.organization import NotFound, TraceUnreadable
from controller.domain.platform import ExecutionSummary
from controller.domain.redaction import SECRETS
from controller.questions.executions import (
    ExecutionQuestion,
    FetchedTrace,
    Watcher,
    fetched_traces,
    find_executions,
    live_modules,
)
from controller.questions.trace_audit import EXECUTION, TraceAudit
from controller.reconcile.services import Services
from controller.reconcile.settings import load_settings
from controller.reconcile.workspace import open_folder

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ExecutionsOptions:
    """The command line of `penstock trace executions`."""

    folder: FolderOption = Path()
    organization: OneOrganization = None
    flow: AnyFlow = None
    version: Annotated[str | None, typer.Option("--version", help="Only this version of the flow.")] = None
    conversation: Annotated[str | None, typer.Option("--conversation", help="Only this conversation.")] = None
    session: Annotated[str | None, typer.Option("--session", help="Only this session (versioned dialect).")] = None
    since: Annotated[str | None, typer.Option("--since", help="2026-08-10T14:50:00Z")] = None
    until: Annotated[str | None, typer.Option("--until", help="2026-08-10T15:50:00Z; now by default.")] = None
    last: Annotated[str | None, typer.Option("--last", help="90s, 15m, 2h, 7d; one hour by default.")] = None
    tier: Annotated[str, typer.Option("--retention-tier", help="standard or enterprise (versioned dialect).")] = (
        "standard"
    )
    execution: Annotated[str | None, typer.Option("--execution", metavar="ID", help="This execution alone.")] = None
    limit: Annotated[
        int, typer.Option("--limit", min=0, help="Read so many, failed ones and newest first; 0 only lists.")
    ] = 10
    anomalies_only: OnlyAnomalies = False
    mask: Mask = None
    snapshot: Snapshots = None
    output: Form = TraceFormat.TEXT
    out: Annotated[Path | None, typer.Option("--out", help="Write to this file; for several HTML pages a folder.")] = (
        None
    )
    operator: Operator = None

    def style(self) -> TraceStyle:
        """How the traces are shown. Raises TraceRequestInvalid."""
        return TraceStyle(
            self.output,
            tuple(self.mask or ()),
            snapshot_ranges(self.snapshot),
            only_anomalies=self.anomalies_only,
            operator=self.operator or actor(),
        )

    def asked(self) -> dict[str, object]:
        """The request, as the audit log records it when nothing could be shown."""
        return {
            "flow": self.flow,
            "version": self.version,
            "conversation": self.conversation,
            "session": self.session,
            "trace_id": self.execution,
        }


def executions(options: ExecutionsOptions) -> int:
    """Find, read and show; 1 when an execution could not be read."""
    style = options.style()
    settings = load_settings()
    only = (options.organization,) if options.organization else ()
    organization = only_organization(open_folder(options.folder, settings, only), "a trace")
    with opened_services(settings) as services:
        return answer(services, _show(options, style, services, organization))


async def _show(options: ExecutionsOptions, style: TraceStyle, services: Services, organization: Organization) -> int:
    """Raises NotFound when the one execution that was asked for by its id cannot be read."""
    audit = TraceAudit(services, organization, style.operator)
    try:
        style = replace(style, scopes=audit.scopes)
        found = None if options.execution else await _found(options, style, services, organization)
        ids = [options.execution] if options.execution else list(found.chosen if found else ())
        style = await _with_live_modules(style, services, organization) if ids else style
        with _view(options, style) as view:
            if found is not None:
                view.begin(found)
            unreadable = await _ExecutionReader(options, style, audit, view).read(ids)
            if options.execution and unreadable:
                raise NotFound(f"execution {options.execution}: {unreadable[0].reason}", status=404)
    except PenstockError as error:
        audit.failed(EXECUTION, options.asked(), error)
        raise error.only_asked() from error
    return exit_codes.ERROR if unreadable else exit_codes.DONE


async def _with_live_modules(style: TraceStyle, services: Services, organization: Organization) -> TraceStyle:
    """The same style, with the versions that are live; only the architect dialect records which versions ran."""
    if organization.dialect != ARCHITECT:
        return style
    try:
        live = await live_modules(services, organization)
    except PenstockError as error:
        log.warning("trace.stale-callers-unknown", organization=organization.name, error=error.message)
        return style
    return replace(style, live=live)


async def _found(
    options: ExecutionsOptions, style: TraceStyle, services: Services, organization: Organization
) -> ExecutionsFound:
    now = services.clock.now()
    # A conversation or session has few executions, and a person does not always know when it was: search all times.
    one = bool(options.conversation or options.session)
    oldest = now - retention(organization.dialect, options.tier).kept if one else None
    since, until = period(options.since, options.until, options.last, now, oldest=oldest)
    question = ExecutionQuestion(
        since=since,
        until=until,
        asked_at=now,
        flow=options.flow,
        version=options.version,
        conversation=options.conversation,
        session=options.session,
        snapshots=style.snapshots,
        tier=options.tier,
    )
    found = [_redacted(each) for each in await find_executions(services, organization, question)]
    rate = measure_error_rate(found, since=since, until=until)
    worst_first = sorted(found, key=lambda each: (not each.failed, -(each.started_at or since).timestamp(), each.id))
    chosen = [each.id for each in worst_first[: max(options.limit, 0)]]
    return ExecutionsFound(organization.name, since, until, found, rate, chosen)


def _redacted(summary: ExecutionSummary) -> ExecutionSummary:
    return replace(summary, reason=SECRETS.text(summary.reason)) if summary.reason else summary


@contextmanager
def _view(options: ExecutionsOptions, style: TraceStyle) -> Iterator[View]:
    if style.form is TraceFormat.HTML and not options.execution:
        yield PagesView(page_folder(options.out))
        return
    with output_to(options.out) as write:
        if options.execution:
            yield SingleView(style, write)
        else:
            yield JsonView(style, write) if style.form is TraceFormat.JSON else TextView(style, write)


@dataclass(slots=True)
class _ExecutionReader:
    """Reads executions one by one and shows each as it comes."""

    options: ExecutionsOptions
    style: TraceStyle
    audit: TraceAudit
    view: View
    unreadable: list[FetchedTrace] = field(default_factory=list)
    stale: Counter[StaleCaller] = field(default_factory=Counter)
    clean: int = 0

    async def read(self, ids: Sequence[str]) -> list[FetchedTrace]:
        """Show every execution; returns those that could not be read."""
        if ids:
            audit, snapshots = self.audit, self.style.snapshots
            with trace_bar() as watcher:
                traces = fetched_traces(audit.services, audit.organization, ids, watcher, snapshots=snapshots)
                async with aclosing(traces):
                    async for fetched in traces:
                        self._show(fetched)
        self.view.end(Ending(self.unreadable, self.clean, sorted(self.stale.items())))
        return self.unreadable

    def _show(self, fetched: FetchedTrace) -> None:
        analysis = self._analysed(fetched)
        if isinstance(analysis, FetchedTrace):
            self.unreadable.append(analysis)
            return
        if self.style.only_anomalies and not analysis.summary().anomalous:
            self.clean += 1
            return
        self.view.show(fetched, analysis)
        self.audit.execution(analysis.header, analysis.summary(), fetched.latency_ms, self.options.asked())
        self.stale.update(analysis.summary().stale_callers)

    def _analysed(self, fetched: FetchedTrace) -> Analysis | FetchedTrace:
        """The analysis, or why there is none."""
        if fetched.trace is None:
            return fetched
        try:
            return self.style.analysis(fetched.trace)
        except TraceUnreadable as error:
            return replace(fetched, trace=None, reason=error.message)


class _SilentWatcher:
    """Shows nothing, where stderr is no terminal."""

    def done(self, count: int, total: int) -> None:
        pass

    def received(self, amount: int, unit: str) -> None:
        pass


class _BarWatcher:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("reading executions", total=None)

    def done(self, count: int, total: int) -> None:
        self._progress.update(self._task, completed=count, total=total, description="reading executions")

    def received(self, amount: int, unit: str) -> None:
        self._progress.update(self._task, description=f"reading executions ({amount:,} {unit} of this one)")


@contextmanager
def trace_bar() -> Iterator[Watcher]:
    """A bar over executions that also tells how much of the current one was received."""
    if not sys.stderr.isatty():
        yield _SilentWatcher()
        return
    with new_progress() as progress:
        yield _BarWatcher(progress)
