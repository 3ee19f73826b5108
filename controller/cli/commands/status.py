"""`penstock status`: sync status and health of each organisation, for people and programs (`penstock.status/v1`)."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from controller.cli import exit_codes
from controller.cli.failures import ErrorDocument, error_document
from controller.cli.options import Folder, Format, Organizations, TextOrJson
from controller.cli.progress_bars import plan_bar
from controller.cli.running import opened_services, report_failures, run_passes
from controller.cli.screen import screen_of
from controller.cli.status_text import status_text
from controller.cli.workspace import commit_or_none, opened_workspace
from controller.domain.documents import filled, json_text
from controller.domain.status import Health, SyncStatus
from controller.planning.model import HeldBack
from controller.questions.status import FlowStatus, OrganizationStatus, organization_status
from controller.reconcile.pass_ import PassRequest
from controller.reconcile.report import PassReport
from controller.reconcile.settings import load_settings
from controller.store.records import SyncState


@dataclass(frozen=True, slots=True, kw_only=True)
class LastSyncDocument:
    """The last sync."""

    id: int
    """Its number in the store."""
    state: SyncState
    """How it ended, or that it runs."""
    revision: str | None
    """The commit that it delivered; null without git."""
    actor: str
    """Who started it."""
    trigger: str
    """Why it ran, with the options with which a person lifted a rule."""
    started_at: datetime
    """When it started, ISO 8601."""
    finished_at: datetime | None
    """When it ended, ISO 8601; null while it runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationStatusDocument:
    """An organisation's status."""

    name: str
    """`metadata.name`."""
    revision: str | None
    """The commit that it is compared with; null without git."""
    sync: SyncStatus
    """`Synced`, `OutOfSync` or `Unknown`; a flow that is suspended is not compared."""
    health: Health
    """The worst of its flows: `Healthy`, `Suspended`, `Progressing`, `Missing`, `Degraded` or `Unknown`."""
    flows: Sequence[FlowStatus]
    """Its managed flows, in order of `flow`."""
    drift: Sequence[str]
    """Out-of-band changes, for people."""
    warnings: Sequence[str]
    """Facts for a person, such as a record under the organisation's former name, or messages that wait for change
    management."""
    unmanaged: int | None
    """Live flows in no manifest; null when the organisation could not be read."""
    last_sync: LastSyncDocument | None
    """The newest sync; null before the first one."""
    held_back: Sequence[HeldBack]
    """The changes that `apply` would not carry out at this moment."""
    at_work: str | None
    """The controller that holds the organisation's lease."""
    error: ErrorDocument | None
    """A `penstock.error/v1`: why the organisation could not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusDocument:
    """`penstock status --format json`: sync status and health.

    An organisation that cannot be looked at is `Unknown` and has an `error`, and the exit code is 1.
    """

    schema: Literal["penstock.status/v1"] = "penstock.status/v1"
    organizations: Sequence[OrganizationStatusDocument]
    """One entry for each organisation, in order of name."""


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


def status(options: StatusOptions) -> int:
    """Look at each organisation and show its status; the exit code is that of the worst failure."""
    if options.only_problems and options.output is TextOrJson.JSON:
        raise typer.BadParameter("goes with text; programs read the statuses in JSON", param_hint="--only-problems")
    settings = load_settings()
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
