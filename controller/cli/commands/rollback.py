"""`penstock rollback`: one flow back to a version that it had."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from controller.cli import exit_codes
from controller.cli.options import Folder, Format, Organizations, TextOrJson

if TYPE_CHECKING:
    from controller.reconcile import PassReport


def rollback(
    flow: Annotated[str, typer.Argument(help="The flow: its metadata.name, `type/name`, or its name.")],
    folder: Folder = Path(),
    organization: Organizations = None,
    to: Annotated[str | None, typer.Option("--to", help="The version; by default the one delivered before.")] = None,
    output: Format = TextOrJson.TEXT,
) -> int:
    """Bring one flow back to a version that it had, verified; git is told what to revert."""
    import json

    from controller.cli.outcome import apply_document, apply_text
    from controller.cli.progress import watcher
    from controller.cli.running import actor, only_organization, opened_services, run_passes
    from controller.reconcile import Mode, PassRequest, load_settings, open_folder

    settings = load_settings()
    workspace = open_folder(folder, settings, organization or ())
    chosen = only_organization(workspace, "a rollback")
    request = PassRequest(
        chosen.name, Mode.ROLLBACK, actor=actor(), trigger="rollback", flow=flow, version=to, allow_dirty=True
    )
    with opened_services(settings) as services, watcher(quiet=output is TextOrJson.JSON) as listener:
        (report,) = run_passes(workspace, [request], services, listener)
    print(json.dumps(apply_document([report]), indent=2) if output is TextOrJson.JSON else apply_text([report]))
    return _exit_code(report)


def _exit_code(report: PassReport) -> int:
    from controller.cli.outcome import was_stopped
    from controller.delivery import Outcome

    if report.error is not None:
        return exit_codes.for_error(report.error)
    if was_stopped(report):
        return exit_codes.INTERRUPTED
    came_back = report.result is not None and report.result.outcome is Outcome.ROLLED_BACK
    return exit_codes.DONE if came_back else exit_codes.ERROR
