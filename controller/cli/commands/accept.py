"""`penstock accept`: a person accepts a version that its gates could not decide about."""

from __future__ import annotations

import sys
from pathlib import Path

from controller.cli.options import Flow, Folder, Format, Organizations, TextOrJson, ThisStore
from controller.cli.running import opened_services
from controller.cli.workspace import actor, only_organization
from controller.domain.documents import filled, json_text
from controller.questions.decision_documents import PromotionDocument
from controller.questions.decisions import accept_paused
from controller.reconcile.recorder import require_recorder
from controller.reconcile.settings import load_settings
from controller.reconcile.workspace import open_folder


def accept(
    flow: Flow,
    folder: Folder = Path(),
    organization: Organizations = None,
    output: Format = TextOrJson.TEXT,
    this_store: ThisStore = False,
) -> None:
    """Store that the paused version is accepted; the next pass continues with it."""
    settings = load_settings()
    workspace = open_folder(folder, settings, organization or ())
    chosen = only_organization(workspace, "accepting a version")
    by = actor()
    with opened_services(settings) as services:
        if not this_store:
            require_recorder(services, workspace, chosen)
        step = accept_paused(services, chosen, flow, by=by)
    if output is TextOrJson.JSON:
        about = {"organization": chosen.name, "version": step.live_version, "by": by}
        print(json_text(filled(PromotionDocument, step, step.key, **about)))
        return
    print(f"{chosen.name}: {step.flow} ({step.key}) {step.live_version} is accepted; the next pass continues with it")


def promote(
    flow: Flow, folder: Folder = Path(), organization: Organizations = None, output: Format = TextOrJson.TEXT
) -> None:
    """The former name of `accept`."""
    print("penstock: promote is called accept now; the old name goes with the next release", file=sys.stderr)
    accept(flow, folder, organization, output)
