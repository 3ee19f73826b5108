"""`penstock status`: sync status and health of each organisation, for people and programs (`penstock.status/v1`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from rich.text import Text

from controller.cli import exit_codes
from controller.cli.console import console, judged, print_table
from controller.cli.failures import ErrorDocument, error_document
from controller.cli.options import Folder, Format, Organizations, TextOrJson
from controller.cli.progress_bars import plan_bar
from controller.cli.running import opened_services, report_failures, run_passes
from controller.cli.workspace import commit_or_none, opened_workspace, shown_revision
from controller.domain.documents import filled, json_text
from controller.domain.status import Health, SyncStatus
from controller.domain.visible import visible
from controller.planning.model import HeldBack
from controller.questions.status import FlowStatus, OrganizationStatus, organization_status
from controller.reconcile.pass_ import PassRequest
from controller.reconcile.report import PassReport
from controller.reconcile.settings import load_settings
from controller.store.records import SyncState


@dataclass(frozen=True, slots=True, kw_only=True)
class LastSyncDocument:
    id: int
    state: SyncState
    revision: str | None
    actor: str
    trigger: str
    started_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationStatusDocument:
    name: str
    revision: str | None
    sync: SyncStatus
    health: Health
    flows: Sequence[FlowStatus]
    drift: Sequence[str]
    warnings: Sequence[str]
    unmanaged: int | None
    last_sync: LastSyncDocument | None
    held_back: Sequence[HeldBack]
    at_work: str | None
    error: ErrorDocument | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusDocument:
    """`penstock.status/v1`."""

    schema: Literal["penstock.status/v1"] = "penstock.status/v1"
    organizations: Sequence[OrganizationStatusDocument]


_UNKNOWN = OrganizationStatus("", "", SyncStatus.UNKNOWN, Health.UNKNOWN, (), (), (), 0, None, (), None)
"""Of an organisation that could not be looked at."""


def status(folder: Folder = Path(), organization: Organizations = None, output: Format = TextOrJson.TEXT) -> int:
    """Look at each organisation and show its status; the exit code is that of the worst failure."""
    settings = load_settings()
    workspace = opened_workspace(folder, settings, organization)
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
    if output is TextOrJson.JSON:
        print(json_text(StatusDocument(organizations=[_organization(*each) for each in statuses])))
        return exit_codes.of_all(exit_codes.for_error(each.error) for each in failed if each.error)
    for report, found in statuses:
        _show(report, found)
    return report_failures(failed, as_json=False) if failed else exit_codes.DONE


def _show(report: PassReport, found: OrganizationStatus | None) -> None:
    known = found or _UNKNOWN
    parts = [judged(known.sync.value), judged(known.health.value), Text(shown_revision(report.revision))]
    console().print(Text(f"{report.organization}: ") + Text(", ").join(parts), soft_wrap=True)
    if found is None:
        return
    rows = [
        (
            visible(flow.flow),
            flow.type,
            flow.version or "-",
            judged(flow.sync.value),
            judged(flow.health.value),
            visible(flow.message),
        )
        for flow in found.flows
    ]
    if rows:
        print_table(("FLOW", "TYPE", "VERSION", "SYNC", "HEALTH", "MESSAGE"), rows, indent=2)
    for line in (*(f"drift: {visible(drift)}" for drift in found.drift), *_rest(found)):
        console().print(Text(f"  {line}"), soft_wrap=True)


def _rest(found: OrganizationStatus) -> list[str]:
    lines = [f"warning: {visible(warning)}" for warning in found.warnings]
    lines += [visible(str(each)) for each in found.held_back]
    if found.at_work is not None:
        lines.append(f"{visible(found.at_work)} is at work on it right now")
    if found.unmanaged:
        flows = "1 flow is" if found.unmanaged == 1 else f"{found.unmanaged} flows are"
        lines.append(f"{flows} in no manifest and left alone")
    if found.last_sync is not None:
        last = found.last_sync
        when = f"{last.finished_at or last.started_at:%Y-%m-%d %H:%M} UTC"
        lines.append(f"last sync {last.id}: {last.state.value}, {when}, by {visible(last.actor)}")
    return lines


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
