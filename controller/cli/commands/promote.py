"""`penstock promote`: a person's word for a version that its gates could not decide about."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from controller.cli.options import Folder, Format, Organizations, TextOrJson


def promote(
    flow: Annotated[str, typer.Argument(help="The flow: its metadata.name, `type/name`, or its name.")],
    folder: Folder = Path(),
    organization: Organizations = None,
    output: Format = TextOrJson.TEXT,
) -> None:
    """Let a paused version stay, whose gate could not decide; the next pass goes on with it."""
    import json

    from controller.cli.running import actor, only_organization, opened_services
    from controller.reconcile import load_settings, open_folder, promote_paused

    settings = load_settings()
    workspace = open_folder(folder, settings, organization or ())
    chosen, by = only_organization(workspace, "a promotion"), actor()
    with opened_services(settings) as services:
        step = promote_paused(services, chosen, flow, by=by)
    if output is TextOrJson.JSON:
        told = {"flow": step.flow, "type": step.key.type, "name": step.key.name, "version": step.live_version, "by": by}
        document = {"schema": "penstock.promotion/v1", "organization": chosen.name, **told}
        print(json.dumps(document, indent=2, ensure_ascii=False))
        return
    print(f"{chosen.name}: {step.flow} ({step.key}) {step.live_version} may stay; the next pass goes on with it")
