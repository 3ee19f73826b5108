"""`penstock accept`: a person accepts a version that its gates could not decide about."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from controller.cli.deciding import deciding
from controller.cli.options import (
    Flow,
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
from controller.domain.documents import json_text
from controller.domain.visible import visible
from controller.questions.decision_documents import PromotionDocument, promotion_document
from controller.questions.decisions import accept_paused
from controller.reconcile.settings import Settings, load_settings

_WHAT = "accepting a version"


@dataclass(frozen=True, slots=True)
class AcceptOptions:
    """The command line of `penstock accept`."""

    flow: Flow
    folder: Folder = Path()
    organization: Organizations = None
    output: Format = TextOrJson.TEXT
    this_store: ThisStore = False
    server: Server = None
    reason: Reason = None


def accept(options: AcceptOptions) -> None:
    """Store that the paused version is accepted; the next pass continues with it."""
    refuse_misplaced(options.server, this_store=options.this_store)
    settings = load_settings()
    if options.server is None:
        accepted = _in_store(settings, options)
    else:
        accepted = _at_controller(options.server, settings, options)
    if options.output is TextOrJson.JSON:
        print(json_text(accepted))
        return
    flow = f"{accepted.flow} ({accepted.type}/{accepted.name})"
    print(visible(f"{accepted.organization}: {flow} {accepted.version} is accepted; the next pass continues with it"))


def promote(options: AcceptOptions) -> None:
    """The former name of `accept`."""
    print("penstock: promote is called accept now; the old name goes with the next release", file=sys.stderr)
    accept(options)


def _in_store(settings: Settings, options: AcceptOptions) -> PromotionDocument:
    by, details = actor(), {"reason": options.reason} if options.reason else {}
    found = deciding(settings, options.folder, options.organization, _WHAT, this_store=options.this_store)
    with found as (services, chosen):
        step = accept_paused(services, chosen, options.flow, by=by, details=details)
    return promotion_document(chosen.name, step, by)


def _at_controller(server: str, settings: Settings, options: AcceptOptions) -> PromotionDocument:
    body = {"reason": required_reason(options.reason), "flow": options.flow}
    with open_remote(server, settings) as remote:
        path = f"{at_organization(remote, options.organization, _WHAT)}/accept"
        # Once it is accepted nothing is paused any more, and a second request would be refused.
        return remote.post(path, PromotionDocument, body, again=False)
