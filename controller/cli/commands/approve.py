"""`penstock approve`: a person approves one plan."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from controller.cli.options import Folder, Format, Organizations, TextOrJson, ThisStore
from controller.cli.running import opened_services
from controller.cli.workspace import actor, only_organization
from controller.domain.documents import filled, json_text
from controller.questions.decision_documents import ApprovalDocument
from controller.questions.decisions import approve_plan, require_digest
from controller.reconcile.recorder import require_recorder
from controller.reconcile.settings import load_settings
from controller.reconcile.workspace import open_folder


def approve(
    digest: Annotated[str, typer.Argument(help="The digest that the plan shows (sha256:...).")],
    folder: Folder = Path(),
    organization: Organizations = None,
    output: Format = TextOrJson.TEXT,
    this_store: ThisStore = False,
) -> None:
    """Store the approval; the controller, or the next `apply`, then carries the plan out."""
    settings = load_settings()
    workspace = open_folder(folder, settings, organization or ())
    chosen = only_organization(workspace, "an approval")
    require_digest(digest)
    with opened_services(settings) as services:
        if not this_store:
            require_recorder(services, workspace, chosen)
        approval = approve_plan(services, chosen.name, digest, by=actor())
    if output is TextOrJson.JSON:
        print(json_text(filled(ApprovalDocument, approval)))
        return
    print(f"{approval.organization}: approved by {approval.by} at {approval.at:%Y-%m-%d %H:%M} UTC: {approval.digest}")
