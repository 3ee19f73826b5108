"""`penstock approve`: a person approves one plan."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from controller.cli.options import Folder, Format, Organizations, TextOrJson
from controller.cli.running import opened_services
from controller.cli.workspace import actor, only_organization
from controller.questions.decisions import approve_plan
from controller.reconcile import load_settings, open_folder


def approve(
    digest: Annotated[str, typer.Argument(help="The digest that the plan shows (sha256:...).")],
    folder: Folder = Path(),
    organization: Organizations = None,
    output: Format = TextOrJson.TEXT,
) -> None:
    """Store the approval; the controller, or the next `apply`, then carries the plan out."""
    settings = load_settings()
    chosen = only_organization(open_folder(folder, settings, organization or ()), "an approval")
    with opened_services(settings) as services:
        approval = approve_plan(services, chosen.name, digest, by=actor())
    if output is TextOrJson.JSON:
        document = {"schema": "penstock.approval/v1", **asdict(approval), "at": approval.at.isoformat()}
        print(json.dumps(document, indent=2, ensure_ascii=False))
        return
    print(f"{approval.organization}: approved by {approval.by} at {approval.at:%Y-%m-%d %H:%M} UTC: {approval.digest}")
