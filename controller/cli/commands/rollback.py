"""`penstock rollback`: one flow back to a version that it had."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from controller.cli import exit_codes
from controller.cli.apply_document import apply_document
from controller.cli.apply_output import apply_text
from controller.cli.delivery_progress import watcher
from controller.cli.options import (
    Flow,
    Folder,
    Format,
    Organizations,
    Reason,
    Server,
    TextOrJson,
    ThisStore,
    Wait,
    refuse_misplaced,
)
from controller.cli.remote_actions import ask_controller, required_reason
from controller.cli.running import opened_services, run_passes
from controller.cli.screen import screen_of
from controller.cli.workspace import actor, only_organization
from controller.delivery.result import Outcome
from controller.domain.documents import json_text
from controller.reconcile.delivering import open_delivery
from controller.reconcile.notifying import notify
from controller.reconcile.pass_ import Mode, PassRequest
from controller.reconcile.receivers import configured_notifications
from controller.reconcile.report import PassReport
from controller.reconcile.settings import load_settings
from controller.reconcile.workspace import open_folder
from controller.store.actions import Verb

_WHAT = "a rollback"


@dataclass(frozen=True, slots=True)
class RollbackOptions:
    """The command line of `penstock rollback`."""

    flow: Flow
    folder: Folder = Path()
    organization: Organizations = None
    to: Annotated[str | None, typer.Option("--to", help="The version; by default the one delivered before.")] = None
    output: Format = TextOrJson.TEXT
    this_store: ThisStore = False
    server: Server = None
    reason: Reason = None
    wait: Wait = False


def rollback(options: RollbackOptions) -> int:
    """Roll back and verify; 1 unless the flow is at the version that was asked for."""
    with_server = {"--reason": options.reason, "--wait": options.wait}
    refuse_misplaced(options.server, this_store=options.this_store, at_server=with_server)
    settings = load_settings()
    if options.server is not None:
        body = {"reason": required_reason(options.reason), "flow": options.flow, "version": options.to}
        return ask_controller(options.server, settings, Verb.ROLLBACK, options, body)
    workspace = open_folder(options.folder, settings, options.organization or ())
    chosen = only_organization(workspace, _WHAT)
    request = PassRequest(
        chosen.name,
        Mode.ROLLBACK,
        actor=actor(),
        trigger="rollback --this-store" if options.this_store else "rollback",
        flow=options.flow,
        version=options.to,
        allow_dirty=True,
        any_store=options.this_store,
    )
    as_json = options.output is TextOrJson.JSON
    with opened_services(settings, open_delivery) as services, watcher(quiet=as_json) as listener:
        services.notifications = configured_notifications(settings, services.clock)
        (report,) = run_passes(workspace, [request], services, listener, after=notify)
    text = (
        json_text(apply_document([report]), ascii_only=True) if as_json else apply_text([report], screen_of(sys.stdout))
    )
    print(text)
    return _exit_code(report)


def _exit_code(report: PassReport) -> int:
    if report.error is not None:
        return exit_codes.for_error(report.error)
    if report.was_stopped:
        return exit_codes.INTERRUPTED
    rolled_back = report.result is not None and report.result.outcome is Outcome.ROLLED_BACK
    return exit_codes.DONE if rolled_back else exit_codes.ERROR
