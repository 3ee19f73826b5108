"""`penstock status`: how things stand."""

from __future__ import annotations

from pathlib import Path

from controller.cli import exit_codes
from controller.cli.options import Folder, Format, Organizations, TextOrJson


def status(folder: Folder = Path(), organization: Organizations = None, output: Format = TextOrJson.TEXT) -> int:
    """Show sync status and health of every managed flow."""
    import json

    from controller.cli.outcome import tell_failed
    from controller.cli.progress import look_bar
    from controller.cli.running import opened_services, run_passes, tell_uncommitted
    from controller.cli.standing import show_status, status_document
    from controller.questions.status import organization_status
    from controller.reconcile import PassRequest, load_settings, open_folder

    settings = load_settings()
    workspace = open_folder(folder, settings, organization or ())
    tell_uncommitted(workspace)
    requests = [PassRequest(each.name, trigger="status") for each in workspace.desired.organizations]
    with opened_services(settings) as services:
        with look_bar() as listener:
            reports = run_passes(workspace, requests, services, listener)
        standing = [
            (
                each,
                organization_status(each, workspace.organization(each.organization), services) if each.plan else None,
            )
            for each in reports
        ]
    failed = [report for report, found in standing if found is None]
    if output is TextOrJson.JSON:
        print(json.dumps(status_document(standing), indent=2, ensure_ascii=False))
        return exit_codes.of_all(exit_codes.for_error(each.error) for each in failed if each.error)
    for report, found in standing:
        show_status(report, found)
    return tell_failed(failed, as_json=False) if failed else exit_codes.DONE
