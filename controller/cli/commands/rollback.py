"""`penstock rollback`: one flow back to a version that it had."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from controller.cli import exit_codes
from controller.cli.apply_output import apply_document, apply_text, was_stopped
from controller.cli.delivery_progress import watcher
from controller.cli.options import Flow, Folder, Format, Organizations, TextOrJson, ThisStore
from controller.cli.running import opened_services, run_passes
from controller.cli.screen import screen_of
from controller.cli.workspace import actor, only_organization
from controller.delivery.result import Outcome
from controller.domain.documents import json_text
from controller.reconcile.delivering import open_delivery
from controller.reconcile.pass_ import Mode, PassRequest
from controller.reconcile.report import PassReport
from controller.reconcile.settings import load_settings
from controller.reconcile.workspace import open_folder


def rollback(
    flow: Flow,
    folder: Folder = Path(),
    organization: Organizations = None,
    to: Annotated[str | None, typer.Option("--to", help="The version; by default the one delivered before.")] = None,
    output: Format = TextOrJson.TEXT,
    this_store: ThisStore = False,
) -> int:
    """Roll back and verify; 1 unless the flow is at the version that was asked for."""
    settings = load_settings()
    workspace = open_folder(folder, settings, organization or ())
    chosen = only_organization(workspace, "a rollback")
    request = PassRequest(
        chosen.name,
        Mode.ROLLBACK,
        actor=actor(),
        trigger="rollback --this-store" if this_store else "rollback",
        flow=flow,
        version=to,
        allow_dirty=True,
        any_store=this_store,
    )
    with opened_services(settings, open_delivery) as services, watcher(quiet=output is TextOrJson.JSON) as listener:
        (report,) = run_passes(workspace, [request], services, listener)
    as_json = output is TextOrJson.JSON
    text = (
        json_text(apply_document([report]), ascii_only=True) if as_json else apply_text([report], screen_of(sys.stdout))
    )
    print(text)
    return _exit_code(report)


def _exit_code(report: PassReport) -> int:
    if report.error is not None:
        return exit_codes.for_error(report.error)
    if was_stopped(report):
        return exit_codes.INTERRUPTED
    rolled_back = report.result is not None and report.result.outcome is Outcome.ROLLED_BACK
    return exit_codes.DONE if rolled_back else exit_codes.ERROR
