"""`penstock status`: how things stand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from controller.cli.options import Folder, Format, Organizations, TextOrJson

if TYPE_CHECKING:
    from controller.reconcile import OrganizationStatus


def status(folder: Folder = Path(), organization: Organizations = None, output: Format = TextOrJson.TEXT) -> None:
    """Show sync status and health of every managed flow."""
    import json

    from controller.cli.running import opened_services, run_passes
    from controller.reconcile import PassRequest, load_settings, open_folder, organization_status

    settings = load_settings()
    workspace = open_folder(folder, settings, organization or ())
    requests = [PassRequest(each.name, trigger="status") for each in workspace.desired.organizations]
    with opened_services(settings) as services:
        reports = run_passes(workspace, requests, services)
        statuses = [organization_status(report, services.store) for report in reports]
    if output is TextOrJson.JSON:
        document = {"schema": "penstock.status/v1", "organizations": [_document(each) for each in statuses]}
        print(json.dumps(document, indent=2, ensure_ascii=False))
        return
    for each in statuses:
        _show(each)


def _show(status: OrganizationStatus) -> None:
    from rich.table import Table
    from rich.text import Text

    from controller.cli.console import console as stdout

    console = stdout()
    console.print(Text(f"{status.name}: {status.sync.value}, {status.health.value}, revision {status.revision[:12]}"))
    table = Table(box=None, pad_edge=False)
    for heading in ("FLOW", "TYPE", "VERSION", "SYNC", "HEALTH", "MESSAGE"):
        table.add_column(heading, overflow="fold")
    for flow in status.flows:
        cells = (flow.flow, flow.type, flow.version or "-", flow.sync.value, flow.health.value, flow.message)
        table.add_row(*(Text(cell) for cell in cells))
    console.print(table)
    for drift in status.drift:
        console.print(Text(f"drift: {drift}"))
    console.print(Text(f"{status.unmanaged} flow(s) in the organisation are not managed"))


def _document(status: OrganizationStatus) -> dict[str, object]:
    last = status.last_sync
    return {
        "name": status.name,
        "revision": status.revision,
        "sync": status.sync.value,
        "health": status.health.value,
        "flows": [
            {
                "flow": flow.flow,
                "type": flow.type,
                "name": flow.name,
                "sync": flow.sync.value,
                "health": flow.health.value,
                "version": flow.version,
                "change": flow.change,
                "locked_by": flow.locked_by,
                "message": flow.message,
            }
            for flow in status.flows
        ],
        "drift": list(status.drift),
        "unmanaged": status.unmanaged,
        "last_sync": None
        if last is None
        else {
            "id": last.id,
            "state": last.state.value,
            "revision": last.revision,
            "actor": last.actor,
            "trigger": last.trigger,
            "started_at": last.started_at.isoformat(),
            "finished_at": last.finished_at.isoformat() if last.finished_at else None,
        },
    }
