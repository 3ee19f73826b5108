"""`penstock status`: sync status and health of each organisation, for people and programs (`penstock.status/v1`)."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from controller.cli import exit_codes
from controller.cli.options import Folder, Format, Organizations, Server, TextOrJson
from controller.cli.progress_bars import plan_bar
from controller.cli.remote import open_remote
from controller.cli.remote_actions import running_lines
from controller.cli.remote_status import remote_statuses
from controller.cli.running import opened_services, report_failures, run_passes
from controller.cli.screen import screen_of
from controller.cli.workspace import opened_workspace, shown_revision
from controller.domain.documents import filled, json_text
from controller.domain.recorded import commit_or_none
from controller.domain.status import Health, SyncStatus
from controller.domain.visible import visible
from controller.domain.wording import counted
from controller.planning.model import Drift
from controller.planning.rendering.layout import Cell, Screen, Style, aligned, noted_once, wrapped
from controller.planning.rendering.table import refusals
from controller.planning.rendering.text import drift_block, refusal_lines, sentence_block
from controller.questions.error_document import error_document
from controller.questions.status import FlowStatus, OrganizationStatus, organization_status
from controller.questions.status_document import LastSyncDocument, OrganizationStatusDocument, StatusDocument
from controller.reconcile.pass_ import PassRequest
from controller.reconcile.report import PassReport
from controller.reconcile.settings import Settings, load_settings

Shown = tuple[OrganizationStatus, str | None, Sequence[Drift]]
"""An organisation's status, the revision that it was compared with, and its drift."""

_HEADINGS = ("FLOW", "TYPE", "VERSION", "SYNC", "HEALTH")
_FLOW, _TYPE = 0, 1
_STYLES = {
    SyncStatus.SYNCED.value: Style.GREEN,
    SyncStatus.OUT_OF_SYNC.value: Style.YELLOW,
    SyncStatus.UNKNOWN.value: Style.MAGENTA,
    Health.HEALTHY.value: Style.GREEN,
    Health.SUSPENDED.value: Style.YELLOW,
    Health.PROGRESSING.value: Style.YELLOW,
    Health.MISSING.value: Style.ALARM,
    Health.DEGRADED.value: Style.ALARM,
}
"""The colours of the words for sync status and health; `Unknown` has one for both."""
_FROM_WORST = tuple(reversed(Health))


_UNKNOWN = OrganizationStatus("", "", SyncStatus.UNKNOWN, Health.UNKNOWN, (), (), (), 0, None, (), None)
"""Of an organisation that could not be looked at."""


@dataclass(frozen=True, slots=True)
class StatusOptions:
    """The command line of `penstock status`."""

    folder: Folder = Path()
    organization: Organizations = None
    output: Format = TextOrJson.TEXT
    only_problems: Annotated[
        bool, typer.Option("--only-problems", help="Leave out flows that are in sync and healthy, or suspended (text).")
    ] = False
    server: Server = None


def status(options: StatusOptions) -> int:
    """Look at each organisation and show its status; the exit code is that of the worst failure."""
    if options.only_problems and options.output is TextOrJson.JSON:
        raise typer.BadParameter("goes with text; programs read the statuses in JSON", param_hint="--only-problems")
    settings = load_settings()
    if options.server is not None:
        return _at_controller(options.server, settings, options)
    workspace = opened_workspace(options.folder, settings, options.organization)
    requests = [PassRequest(each.name, trigger="status") for each in workspace.desired.organizations]
    with opened_services(settings) as services:
        with plan_bar() as listener:
            reports = run_passes(workspace, requests, services, listener)
        statuses = [
            (
                each,
                organization_status(each, workspace.organization(each.organization), services) if each.plan else None,
            )
            for each in reports
        ]
    failed = [report for report, found in statuses if found is None]
    if options.output is TextOrJson.JSON:
        print(json_text(StatusDocument(organizations=[_organization(*each) for each in statuses])))
        return exit_codes.of_all(exit_codes.for_error(each.error) for each in failed if each.error)
    shown = [
        (found or replace(_UNKNOWN, name=each.organization), each.revision, each.plan.drift if each.plan else ())
        for each, found in statuses
    ]
    print(status_text(shown, screen_of(sys.stdout), only_problems=options.only_problems), end="")
    return report_failures(failed, as_json=False) if failed else exit_codes.DONE


def _at_controller(server: str, settings: Settings, options: StatusOptions) -> int:
    """The same from what the controller saw last; 1 where it could not look at an organisation."""
    with open_remote(server, settings) as remote:
        found = remote_statuses(remote, options.organization)
    if options.output is TextOrJson.JSON:
        documents = [
            filled(OrganizationStatusDocument, each.status, revision=each.state.revision, error=None) for each in found
        ]
        print(json_text(StatusDocument(organizations=documents)))
    else:
        shown = [(each.status, each.state.revision, each.drift) for each in found]
        print(status_text(shown, screen_of(sys.stdout), only_problems=options.only_problems), end="")
        for each in found:
            print("".join(f"{visible(line)}\n" for line in running_lines(each.state.running)), end="")
    return exit_codes.DONE if all(each.looked for each in found) else exit_codes.ERROR


def _organization(report: PassReport, found: OrganizationStatus | None) -> OrganizationStatusDocument:
    last = found.last_sync if found else None
    return filled(
        OrganizationStatusDocument,
        found or _UNKNOWN,
        name=report.organization,
        revision=commit_or_none(report.revision),
        unmanaged=found.unmanaged if found else None,
        last_sync=filled(LastSyncDocument, last, revision=commit_or_none(last.revision)) if last else None,
        error=error_document(report.error, report.organization) if found is None and report.error else None,
    )


def status_text(organizations: Iterable[Shown], screen: Screen, *, only_problems: bool = False) -> str:
    """The flows of each organisation and what else is to be known, then a line for each organisation.

    `only_problems` leaves out flows that are in sync and healthy, and suspended ones.
    """
    found = list(organizations)
    lines: list[str] = []
    for status, _, drift in found:
        blocks = list(_blocks(status, drift, screen, only_problems=only_problems))
        if blocks:
            lines += [screen.paint(line, Style.BOLD) for line in wrapped(visible(status.name), screen)]
            lines += [line for block in blocks for line in (*block, "")]
    lines += [line for status, revision, _ in found for line in _summary(status, revision, screen)]
    return "".join(f"{line}\n" for line in lines)


def _blocks(
    status: OrganizationStatus, drift: Sequence[Drift], screen: Screen, *, only_problems: bool
) -> Iterator[list[str]]:
    shown = [flow for flow in status.flows if not only_problems or _has_problem(flow)]
    shown_messages = {flow.message for flow in shown}
    below = list(_below(status))
    hidden = len(status.flows) - len(shown)
    if hidden:
        below.insert(0, f"{counted(hidden, 'flow')} without problems {'is' if hidden == 1 else 'are'} not shown")
    blocks = [
        refusal_lines(refusals(status.held_back), screen),
        list(_flow_lines(sorted(shown, key=_place), screen)),
        drift_block([each for each in drift if each.message not in shown_messages], screen),
        sentence_block("Notes", below, screen),
    ]
    return filter(None, blocks)


def _flow_lines(flows: Sequence[FlowStatus], screen: Screen) -> Iterator[str]:
    if not flows:
        return
    cells = [[Cell(heading, Style.BOLD) for heading in _HEADINGS], *map(_cells, flows)]
    heading, *lines = aligned(cells, screen, flexible=(_FLOW,), optional=(_TYPE,), indent=4).lines
    yield heading.rstrip()
    for flow, fields, notes in zip(flows, lines, noted_once([_notes(flow) for flow in flows]), strict=True):
        sign, style = _sign(flow)
        yield f"  {screen.paint(sign, style)} {fields[4:].rstrip()}"
        for note in notes:
            yield from wrapped(note, screen, " " * 6)


def _cells(flow: FlowStatus) -> list[Cell]:
    return [
        Cell(visible(flow.flow)),
        Cell(visible(flow.type)),
        Cell(visible(flow.version or "-")),
        Cell(flow.sync.value, _STYLES[flow.sync.value]),
        Cell(flow.health.value, _STYLES[flow.health.value]),
    ]


def _notes(flow: FlowStatus) -> tuple[str, ...]:
    """The message, unless it repeats what the columns say."""
    usual = _in_order(flow) and flow.message.startswith(f"{flow.version} is live, as ")
    return () if usual or not flow.message else (visible(flow.message),)


def _in_order(flow: FlowStatus) -> bool:
    return flow.sync is SyncStatus.SYNCED and flow.health is Health.HEALTHY


def _has_problem(flow: FlowStatus) -> bool:
    suspended = flow.sync is SyncStatus.UNKNOWN and flow.health is Health.SUSPENDED
    return not (_in_order(flow) or suspended)


def _place(flow: FlowStatus) -> tuple[bool, int, bool, str, str]:
    """Problems first, the worst health before the others, and flows with one message side by side."""
    notes = _notes(flow)
    return not _has_problem(flow), _FROM_WORST.index(flow.health), not notes, "".join(notes), flow.flow


def _sign(flow: FlowStatus) -> tuple[str, Style]:
    if flow.health in (Health.DEGRADED, Health.MISSING, Health.UNKNOWN):
        return "!", Style.ALARM
    if flow.sync is SyncStatus.OUT_OF_SYNC:
        return "~", Style.YELLOW
    return ("=", Style.DIM) if _in_order(flow) else (".", Style.DIM)


def _below(status: OrganizationStatus) -> Iterator[str]:
    yield from (f"warning: {warning}" for warning in status.warnings)
    if status.at_work is not None:
        yield f"{status.at_work} is at work on it right now"
    if status.unmanaged:
        flows = "1 flow is" if status.unmanaged == 1 else f"{status.unmanaged} flows are"
        yield f"{flows} in no manifest and left alone"
    if status.last_sync is not None:
        last = status.last_sync
        when = f"{last.finished_at or last.started_at:%Y-%m-%d %H:%M} UTC"
        yield f"last sync {last.id}: {last.state.value}, {when}, by {last.actor}"


def _summary(status: OrganizationStatus, revision: str | None, screen: Screen) -> Iterator[str]:
    """Sync status, health, revision, and the number of flows by sync status."""
    counts = Counter(flow.sync for flow in status.flows)
    flows = [f"{counts[sync]} {sync.value}" for sync in SyncStatus if counts[sync]]
    words = [*visible(status.name).split(" "), f"{status.sync.value},", f"{status.health.value},"]
    words[-3] += ":"
    phrases = [f"{each}," for each in flows[:-1]] + flows[-1:]
    where = shown_revision(revision) + (";" if flows else "")
    for line in wrapped([*words, where, *phrases], screen, rest="  "):
        yield screen.paint(line, Style.BOLD)
