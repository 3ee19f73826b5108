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

    from controller.cli.running import actor, opened_services
    from controller.domain.errors import SettingsInvalid
    from controller.reconcile import approve_plan, load_settings, open_folder

    settings = load_settings()
    workspace = open_folder(folder, settings, organization or ())
    names = [each.name for each in workspace.desired.organizations]
    if len(names) != 1:
        raise SettingsInvalid("an approval is for one organisation", hint=f"--organization: {', '.join(names)}")
    with opened_services(settings) as services:
        approval = approve_plan(services, names[0], digest, by=actor())
    if output is TextOrJson.JSON:
        document = {"schema": "penstock.approval/v1", **asdict(approval), "at": approval.at.isoformat()}
        print(json.dumps(document, indent=2, ensure_ascii=False))
        return
    print(f"{approval.organization}: approved by {approval.by} at {approval.at:%Y-%m-%d %H:%M} UTC: {approval.digest}")
