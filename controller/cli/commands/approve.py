"""`penstock approve`: a person's word for one plan."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from controller.cli.options import Folder, Format, Organizations, TextOrJson


def approve(
    digest: Annotated[str, typer.Argument(help="The digest that the plan shows (sha256:...).")],
    folder: Folder = Path(),
    organization: Organizations = None,
    output: Format = TextOrJson.TEXT,
) -> None:
    """Approve the plan with this digest where sync.mode is manual; the controller then carries it out."""
    import json
    from dataclasses import asdict

    from controller.cli.running import actor, only_organization, opened_services
    from controller.reconcile import approve_plan, load_settings, open_folder

    settings = load_settings()
    workspace = open_folder(folder, settings, organization or ())
    chosen = only_organization(workspace, "an approval")
    with opened_services(settings) as services:
        approval = approve_plan(services, chosen.name, digest, by=actor())
    if output is TextOrJson.JSON:
        document = {"schema": "penstock.approval/v1", **asdict(approval), "at": approval.at.isoformat()}
        print(json.dumps(document, indent=2, ensure_ascii=False))
        return
    print(f"{approval.organization}: approved by {approval.by} at {approval.at:%Y-%m-%d %H:%M} UTC: {approval.digest}")
