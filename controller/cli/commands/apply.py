"""`penstock apply`: carry the plan out."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from controller.cli import exit_codes
from controller.cli.apply_document import apply_document
from controller.cli.apply_output import apply_text
from controller.cli.delivery_progress import watcher
from controller.cli.options import Folder, Format, Organizations, TextOrJson, ThisStore
from controller.cli.plan_file import SavedPlan, read_saved_plan
from controller.cli.running import answer, opened_services, run_passes
from controller.cli.screen import screen_of
from controller.cli.workspace import actor
from controller.domain.desired import Organization
from controller.domain.documents import json_text
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.delivery import NotConfirmed, PlanStale
from controller.domain.visible import visible
from controller.domain.wording import counted
from controller.planning.guard import Confirmations
from controller.planning.limits import deliverable
from controller.planning.model import Plan
from controller.planning.rendering.text import plan_text
from controller.questions.decisions import require_digest
from controller.questions.refusals import with_refusals
from controller.reconcile.delivering import open_delivery
from controller.reconcile.notifying import notify
from controller.reconcile.pass_ import Mode, PassRequest
from controller.reconcile.receivers import configured_notifications
from controller.reconcile.report import PassReport
from controller.reconcile.services import Services
from controller.reconcile.settings import load_settings
from controller.reconcile.workspace import Workspace, open_folder
from controller.service.housekeeping import tidy


@dataclass(frozen=True, slots=True)
class ApplyOptions:
    """The command line of `penstock apply`."""

    folder: Folder = Path()
    organization: Organizations = None
    output: Format = TextOrJson.TEXT
    saved_plan: Annotated[
        Path | None, typer.Option("--plan", help="Apply exactly the plan that `plan --out` wrote; refused when stale.")
    ] = None
    approve: Annotated[str | None, typer.Option("--approve", help="Digest of the plan that is approved.")] = None
    force: Annotated[bool, typer.Option("--force", help="Lift the limits of spec.safety.")] = False
    confirm_prune: Annotated[bool, typer.Option("--confirm-prune", help="Let flows be unpublished.")] = False
    ignore_windows: Annotated[bool, typer.Option("--ignore-windows", help="Deliver in a closed window.")] = False
    allow_dirty: Annotated[bool, typer.Option("--allow-dirty", help="Deliver uncommitted changes.")] = False
    allow_unpushed: Annotated[
        bool, typer.Option("--allow-unpushed", help="Deliver a commit that the followed branch does not hold.")
    ] = False
    retry: Annotated[bool, typer.Option("--retry", help="Try changes again that were rolled back.")] = False
    this_store: ThisStore = False
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before anything is changed.")] = False

    @property
    def confirmations(self) -> Confirmations:
        """What the person confirmed with options."""
        return Confirmations(
            self.approve, force=self.force, prune=self.confirm_prune, ignore_windows=self.ignore_windows
        )

    @property
    def trigger(self) -> str:
        """For history and audit log: that a person ran the command, and which rules were lifted with it."""
        lifted = {
            "--force": self.force,
            "--confirm-prune": self.confirm_prune,
            "--ignore-windows": self.ignore_windows,
            "--allow-dirty": self.allow_dirty,
            "--allow-unpushed": self.allow_unpushed,
            "--retry": self.retry,
            "--this-store": self.this_store,
        }
        return " ".join(["command", *(option for option, given in lifted.items() if given)])


def apply(options: ApplyOptions) -> int:
    """Deliver and show how it ended; the exit code is the worst of the organisations'."""
    if options.approve is not None:
        require_digest(options.approve)
    as_json = options.output is TextOrJson.JSON
    settings = load_settings()
    saved = read_saved_plan(options.saved_plan) if options.saved_plan else None
    workspace = open_folder(options.folder, settings, options.organization or (), committed=not options.allow_dirty)
    if saved is not None:
        saved.require(each.name for each in workspace.desired.organizations)
    requests = _requests(options, workspace, saved)
    with opened_services(settings, open_delivery) as services:
        services.notifications = configured_notifications(settings, services.clock)
        confirmed: Collection[str] = ()
        if not options.yes and sys.stdin.isatty() and sys.stderr.isatty():  # nobody else can answer
            requests = _confirmed(workspace, requests, services)
            confirmed = {each.expected_digest for each in requests if each.expected_digest is not None}
        with watcher(quiet=as_json, shown_before=confirmed) as listener:
            reports = run_passes(workspace, requests, services, listener, after=notify)
        if any(report.result is not None for report in reports):
            tidy(services.store)
    if saved is not None:
        reports = [_with_way_out(saved, report) for report in reports]
    print(json_text(apply_document(reports)) if as_json else apply_text(reports, screen_of(sys.stdout)))
    return exit_codes.of_all(_exit_code(report) for report in reports)


def _requests(options: ApplyOptions, workspace: Workspace, saved: SavedPlan | None) -> list[PassRequest]:
    return [
        PassRequest(
            each.name,
            Mode.APPLY,
            actor=actor(),
            trigger=options.trigger,
            expected_digest=saved.digests[each.name] if saved is not None else None,
            confirmations=options.confirmations,
            allow_dirty=options.allow_dirty,
            allow_unpushed=options.allow_unpushed,
            retry=options.retry,
            any_store=options.this_store,
        )
        for each in workspace.desired.organizations
    ]


def _confirmed(workspace: Workspace, requests: Sequence[PassRequest], services: Services) -> list[PassRequest]:
    """The passes that a person confirmed after seeing their plans; each carries out the plan that was shown.

    A pass without a plan, or with nothing to change, needs no confirmation. Raises NotConfirmed for a no.
    """
    looks = [replace(request, mode=Mode.PLAN, expected_digest=None) for request in requests]
    plans = {
        report.organization: report.plan for report in run_passes(workspace, looks, services) if report.plan is not None
    }
    found: list[PassRequest] = []
    for request in requests:
        plan = plans.get(request.organization)
        if plan is None or not (deliverable(plan) or plan.under_way):
            found.append(request)
            continue
        organization = workspace.organization(request.organization)
        shown = with_refusals(plan, organization, services, workspace.dirty)
        print(plan_text([shown], screen=screen_of(sys.stderr)), end="", file=sys.stderr)
        own_name = answer(services, _own_name(organization, services))
        if not typer.confirm(_question(plan, organization, own_name), err=True):
            raise NotConfirmed(f"{organization.name}: not confirmed; nothing was changed", hint="answer y, or --yes")
        # An unfinished delivery is resumed first, and that makes another plan.
        digest = None if plan.under_way else plan.digest
        found.append(replace(request, expected_digest=request.expected_digest or digest))
    return found


async def _own_name(organization: Organization, services: Services) -> str | None:
    """The organisation's own name; None where this client may not read it."""
    try:
        return await services.platform(organization).organization_name()
    except PenstockError:
        return None  # the name is only shown: the delivery reports what is wrong


def _question(plan: Plan, organization: Organization, own_name: str | None) -> str:
    count = len(deliverable(plan))
    own = f" ({own_name})" if own_name else ""
    where = organization.endpoint.region or organization.endpoint.api_url
    return visible(f"Apply {counted(count, 'change')} to {organization.name}{own} in {where}?")


def _with_way_out(saved: SavedPlan, report: PassReport) -> PassReport:
    if isinstance(report.error, PlanStale) and report.plan is not None and report.result is None:
        return replace(report, error=report.error.with_hint(saved.way_out(report.plan)))
    return report


def _exit_code(report: PassReport) -> int:
    if report.error is not None:
        return exit_codes.for_error(report.error)
    if report.was_stopped:
        return exit_codes.INTERRUPTED
    if report.delivered:
        return exit_codes.DONE
    return exit_codes.REFUSED if report.result is None and report.blocked else exit_codes.ERROR
