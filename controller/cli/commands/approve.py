"""`penstock approve`: a person approves one plan."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from controller.cli.deciding import deciding
from controller.cli.options import (
    Folder,
    Format,
    Organizations,
    Reason,
    Server,
    TextOrJson,
    ThisStore,
    refuse_misplaced,
)
from controller.cli.remote import open_remote
from controller.cli.remote_actions import at_organization, required_reason
from controller.cli.workspace import actor
from controller.domain.documents import filled, json_text
from controller.domain.visible import visible
from controller.questions.decision_documents import ApprovalDocument
from controller.questions.decisions import approve_plan, require_digest
from controller.reconcile.settings import Settings, load_settings

_WHAT = "an approval"


@dataclass(frozen=True, slots=True)
class ApproveOptions:
    """The command line of `penstock approve`."""

    digest: Annotated[str, typer.Argument(help="The digest that the plan shows (sha256:...).")]
    folder: Folder = Path()
    organization: Organizations = None
    output: Format = TextOrJson.TEXT
    this_store: ThisStore = False
    server: Server = None
    reason: Reason = None


def approve(options: ApproveOptions) -> None:
    """Store the approval; the controller, or the next `apply`, then carries the plan out."""
    refuse_misplaced(options.server, this_store=options.this_store)
    require_digest(options.digest)
    settings = load_settings()
    if options.server is None:
        approval = _in_store(settings, options)
    else:
        approval = _at_controller(options.server, settings, options)
    if options.output is TextOrJson.JSON:
        print(json_text(approval))
        return
    at = f"{approval.at:%Y-%m-%d %H:%M} UTC"
    print(visible(f"{approval.organization}: approved by {approval.by} at {at}: {approval.digest}"))


def _in_store(settings: Settings, options: ApproveOptions) -> ApprovalDocument:
    details = {"reason": options.reason} if options.reason else {}
    found = deciding(settings, options.folder, options.organization, _WHAT, this_store=options.this_store)
    with found as (services, chosen):
        return filled(
            ApprovalDocument, approve_plan(services, chosen.name, options.digest, by=actor(), details=details)
        )


def _at_controller(server: str, settings: Settings, options: ApproveOptions) -> ApprovalDocument:
    reason = required_reason(options.reason)
    with open_remote(server, settings) as remote:
        path = f"{at_organization(remote, options.organization, _WHAT)}/approve"
        return remote.post(path, ApprovalDocument, {"reason": reason, "digest": options.digest})
