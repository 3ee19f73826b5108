"""`penstock apply`: carry the plan out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from controller.cli import exit_codes
from controller.cli.options import Folder, Format, Organizations, TextOrJson

if TYPE_CHECKING:
    from controller.cli.saved_plan import SavedPlan
    from controller.planning import Confirmations
    from controller.reconcile import PassReport


def apply(
    folder: Folder = Path(),
    organization: Organizations = None,
    output: Format = TextOrJson.TEXT,
    saved_plan: Annotated[
        Path | None, typer.Option("--plan", help="Apply exactly the plan that `plan --out` wrote; refused when stale.")
    ] = None,
    approve: Annotated[str | None, typer.Option("--approve", help="Digest of the plan that is approved.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Lift the limits of spec.safety.")] = False,
    confirm_prune: Annotated[bool, typer.Option("--confirm-prune", help="Let flows be unpublished.")] = False,
    ignore_windows: Annotated[bool, typer.Option("--ignore-windows", help="Deliver in a closed window.")] = False,
    allow_dirty: Annotated[bool, typer.Option("--allow-dirty", help="Deliver uncommitted changes.")] = False,
    allow_unpushed: Annotated[
        bool, typer.Option("--allow-unpushed", help="Deliver a commit that the followed branch does not hold.")
    ] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Try again what was rolled back before.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before anything is changed.")] = False,
) -> int:
    """Carry the plan out: publish in order, watch, roll back what fails, commit what is live."""
    from controller.cli.asking import agreed, asks
    from controller.cli.progress import watcher
    from controller.cli.running import actor, opened_services, run_passes
    from controller.cli.saved_plan import read_saved_plan
    from controller.planning import Confirmations
    from controller.reconcile import Mode, PassRequest, load_settings, open_folder, require_digest

    if approve is not None:
        require_digest(approve)
    settings = load_settings()
    saved = read_saved_plan(saved_plan) if saved_plan else None
    workspace = open_folder(folder, settings, organization or (), committed=not allow_dirty)
    if saved is not None:
        saved.require(each.name for each in workspace.desired.organizations)
    said = Confirmations(approve, force=force, prune=confirm_prune, ignore_windows=ignore_windows)
    requests = [
        PassRequest(
            each.name,
            Mode.APPLY,
            actor=actor(),
            trigger=_trigger(said, retry=retry, allow_dirty=allow_dirty, allow_unpushed=allow_unpushed),
            expected_digest=saved.digests[each.name] if saved is not None else None,
            confirmations=said,
            allow_dirty=allow_dirty,
            allow_unpushed=allow_unpushed,
            retry=retry,
        )
        for each in workspace.desired.organizations
    ]
    with opened_services(settings) as services:
        if not yes and asks():
            requests = agreed(workspace, requests, services)
        with watcher(quiet=output is TextOrJson.JSON) as listener:
            reports = run_passes(workspace, requests, services, listener)
    if saved is not None:
        _tell_what_moved(saved, reports)
    _show(reports, output)
    return exit_codes.of_all(_exit_code(report) for report in reports)


def _trigger(said: Confirmations, *, retry: bool, allow_dirty: bool, allow_unpushed: bool) -> str:
    """For history and audit log: that a person asked, and which rules were lifted with it."""
    lifted = {
        "--force": said.force,
        "--confirm-prune": said.prune,
        "--ignore-windows": said.ignore_windows,
        "--allow-dirty": allow_dirty,
        "--allow-unpushed": allow_unpushed,
        "--retry": retry,
    }
    return " ".join(["command", *(option for option, given in lifted.items() if given)])


def _tell_what_moved(saved: SavedPlan, reports: Sequence[PassReport]) -> None:
    from controller.domain.errors import PlanStale

    for report in reports:
        if isinstance(report.error, PlanStale) and report.plan is not None and report.result is None:
            report.error.hint = saved.way_out(report.plan)


def _exit_code(report: PassReport) -> int:
    from controller.cli.outcome import was_stopped

    if report.error is not None:
        return exit_codes.for_error(report.error)
    if was_stopped(report):
        return exit_codes.INTERRUPTED
    if report.delivered:
        return exit_codes.DONE
    return exit_codes.REFUSED if report.result is None and report.blocked else exit_codes.ERROR


def _show(reports: Sequence[PassReport], output: TextOrJson) -> None:
    import json

    from controller.cli.outcome import apply_document, apply_text

    if output is TextOrJson.JSON:
        print(json.dumps(apply_document(reports), indent=2, ensure_ascii=False))
    else:
        print(apply_text(reports))
