"""From what was asked for on the command line to executions, found, read one by one, and shown."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import structlog

from controller.cli import exit_codes
from controller.cli.bars import trace_bar
from controller.cli.execution_views import Ending, Found, JsonView, PagesView, SingleView, TextView, View
from controller.cli.running import opened_services
from controller.cli.sinks import output_to
from controller.cli.times import period
from controller.cli.trace_output import TraceStyle, page_folder
from controller.diagnosis import Analysis, StaleCaller, measure_error_rate, open_execution, retention
from controller.domain.capabilities import ARCHITECT
from controller.domain.desired import Organization
from controller.domain.errors import NotFound, PenstockError, SettingsInvalid, TraceUnreadable
from controller.domain.platform import ExecutionSummary
from controller.domain.redaction import SECRETS
from controller.questions.live_modules import live_modules
from controller.questions.trace_audit import EXECUTION, TraceAudit
from controller.questions.trace_reading import FetchedTrace, fetched_traces
from controller.questions.trace_search import ExecutionQuestion, find_executions
from controller.questions.trace_spool import text_chunks
from controller.reconcile import Services, Workspace, load_settings, open_folder

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ExecutionsRequest:
    """What was asked for."""

    folder: Path
    style: TraceStyle
    organization: str | None = None
    flow: str | None = None
    version: str | None = None
    conversation: str | None = None
    session: str | None = None
    since: str | None = None
    until: str | None = None
    last: str | None = None
    tier: str = "standard"
    execution: str | None = None
    limit: int = 10
    out: Path | None = None

    def asked(self) -> dict[str, object]:
        """What was asked for, as the audit log has it where nothing could be shown."""
        return {
            "flow": self.flow,
            "version": self.version,
            "conversation": self.conversation,
            "session": self.session,
            "trace_id": self.execution,
        }


def show_executions(request: ExecutionsRequest) -> int:
    """Find, read and show; the exit code. One that was asked for by its id is an error when it cannot be read."""
    settings = load_settings()
    only = (request.organization,) if request.organization else ()
    organization = only_organization(open_folder(request.folder, settings, only))
    with opened_services(settings) as services:
        return asyncio.run(_show(request, services, organization))


def show_file(path: Path, style: TraceStyle, out: Path | None) -> None:
    """Show a downloaded execution file. Raises SettingsInvalid and TraceUnreadable."""
    try:
        analysis = style.analysis(open_execution(partial(text_chunks, path)))
    except OSError as error:
        raise SettingsInvalid(f"cannot read {path}: {error.strerror}") from error
    with output_to(out) as write:
        for piece in style.pieces(analysis, 0.0):
            write(piece)


def only_organization(workspace: Workspace) -> Organization:
    """The one organisation of the manifests. Raises SettingsInvalid when there are several or none."""
    organizations = workspace.desired.organizations
    if len(organizations) == 1:
        return organizations[0]
    names = ", ".join(each.name for each in organizations) or "none"
    raise SettingsInvalid(f"the manifests describe {names}", hint="choose one organisation with --organization")


async def _show(request: ExecutionsRequest, services: Services, organization: Organization) -> int:
    audit = TraceAudit(services, organization, request.style.operator)
    try:
        request = replace(request, style=replace(request.style, scopes=audit.scopes))
        found = None if request.execution else await _found(request, services, organization)
        ids = [request.execution] if request.execution else list(found.chosen if found else ())
        request = await _with_live_modules(request, services, organization) if ids else request
        with _view(request) as view:
            if found is not None:
                view.begin(found)
            unread = await _read(request, audit, ids, view)
            if request.execution and unread:
                raise NotFound(f"execution {request.execution}: {unread[0].reason}", status=404)
    except PenstockError as error:
        audit.failed(EXECUTION, request.asked(), error)
        raise
    finally:
        await services.disconnect()
    return exit_codes.ERROR if unread else exit_codes.DONE


async def _with_live_modules(
    request: ExecutionsRequest, services: Services, organization: Organization
) -> ExecutionsRequest:
    """The same request, knowing which versions are live; only one dialect's records tell which ones ran."""
    if organization.dialect != ARCHITECT:
        return request
    try:
        live = await live_modules(services, organization)
    except PenstockError as error:
        log.warning("trace.stale-callers-unknown", organization=organization.name, error=error.message)
        return request
    return replace(request, style=replace(request.style, live=live))


async def _found(request: ExecutionsRequest, services: Services, organization: Organization) -> Found:
    now = services.clock.now()
    # There are few of one conversation or session, and who asks for it does not always know when it was.
    one = bool(request.conversation or request.session)
    oldest = now - retention(organization.dialect, request.tier).kept if one else None
    since, until = period(request.since, request.until, request.last, now, oldest=oldest)
    question = ExecutionQuestion(
        since=since,
        until=until,
        asked_at=now,
        flow=request.flow,
        version=request.version,
        conversation=request.conversation,
        session=request.session,
        snapshots=request.style.snapshots,
        tier=request.tier,
    )
    found = [_redacted(each) for each in await find_executions(services, organization, question)]
    rate = measure_error_rate(found, since=since, until=until)
    worst_first = sorted(found, key=lambda each: (not each.failed, -(each.started_at or since).timestamp(), each.id))
    chosen = [each.id for each in worst_first[: max(request.limit, 0)]]
    return Found(organization.name, since, until, found, rate, chosen)


def _redacted(summary: ExecutionSummary) -> ExecutionSummary:
    return replace(summary, reason=SECRETS.text(summary.reason)) if summary.reason else summary


@contextmanager
def _view(request: ExecutionsRequest) -> Iterator[View]:
    if request.style.form == "html" and not request.execution:
        yield PagesView(page_folder(request.out))
        return
    with output_to(request.out) as write:
        if request.execution:
            yield SingleView(request.style, write)
        else:
            yield JsonView(request.style, write) if request.style.form == "json" else TextView(request.style, write)


async def _read(request: ExecutionsRequest, audit: TraceAudit, ids: Sequence[str], view: View) -> list[FetchedTrace]:
    """Show every execution; those that could not be read."""
    unread: list[FetchedTrace] = []
    stale: Counter[StaleCaller] = Counter()
    clean = 0
    if ids:
        with trace_bar() as watcher:
            snapshots = request.style.snapshots
            traces = fetched_traces(audit.services, audit.organization, ids, watcher, snapshots=snapshots)
            async with aclosing(traces):
                async for fetched in traces:
                    analysis = _analysed(request.style, fetched)
                    if isinstance(analysis, FetchedTrace):
                        unread.append(analysis)
                        continue
                    if request.style.only_anomalies and not analysis.summary().anomalous:
                        clean += 1
                        continue
                    view.show(fetched, analysis)
                    audit.execution(analysis.header, analysis.summary(), fetched.latency_ms, request.asked())
                    stale.update(analysis.summary().stale_callers)
    view.end(Ending(unread, clean, sorted(stale.items())))
    return unread


def _analysed(style: TraceStyle, fetched: FetchedTrace) -> Analysis | FetchedTrace:
    """The analysis, or why there is none."""
    if fetched.trace is None:
        return fetched
    try:
        return style.analysis(fetched.trace)
    except TraceUnreadable as error:
        return replace(fetched, trace=None, reason=error.message)
