"""`penstock apply`: carry the plan out."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from controller.cli import exit_codes
from controller.cli.apply_output import apply_document, apply_text, was_stopped
from controller.cli.commands.apply.confirming import confirmed
from controller.cli.commands.apply.saved_plan import SavedPlan, read_saved_plan
from controller.cli.delivery_progress import watcher
from controller.cli.options import Folder, Format, Organizations, TextOrJson
from controller.cli.running import opened_services, run_passes
from controller.cli.workspace import actor
from controller.domain.errors import PlanStale
from controller.planning import Confirmations
from controller.reconcile import Mode, PassReport, PassRequest, Workspace, load_settings, open_folder, require_digest


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
    retry: Annotated[bool, typer.Option("--retry", help="Try again what was rolled back before.")] = False
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
    with opened_services(settings) as services:
        if not options.yes and _has_terminal():
            requests = confirmed(workspace, requests, services)
        with watcher(quiet=as_json) as listener:
            reports = run_passes(workspace, requests, services, listener)
    if saved is not None:
        _explain_stale(saved, reports)
    print(json.dumps(apply_document(reports), indent=2, ensure_ascii=False) if as_json else apply_text(reports))
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
        )
        for each in workspace.desired.organizations
    ]


def _has_terminal() -> bool:
    """Whether a person can be asked: without a terminal nobody would answer."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def _explain_stale(saved: SavedPlan, reports: Sequence[PassReport]) -> None:
    for report in reports:
        if isinstance(report.error, PlanStale) and report.plan is not None and report.result is None:
            report.error.hint = saved.way_out(report.plan)


def _exit_code(report: PassReport) -> int:
    if report.error is not None:
        return exit_codes.for_error(report.error)
    if was_stopped(report):
        return exit_codes.INTERRUPTED
    if report.delivered:
        return exit_codes.DONE
    return exit_codes.REFUSED if report.result is None and report.blocked else exit_codes.ERROR
