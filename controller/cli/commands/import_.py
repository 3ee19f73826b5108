"""`penstock import`: what exists already comes under git."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from controller.cli.options import Format, Organizations, TextOrJson

Flows = Annotated[
    list[str] | None,
    typer.Argument(metavar="[FLOW]...", help="type/name, name or id; * and ? stand for any letters; all by default."),
]
Folder = Annotated[Path, typer.Option("--folder", help="Folder of the manifests.", show_default=".")]
Into = Annotated[
    Path | None, typer.Option("--into", help="Write here.", show_default="the folder of the Organization manifest")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Tell what would be written, and write nothing.")]


def import_(
    flows: Flows = None,
    folder: Folder = Path(),
    organization: Organizations = None,
    into: Into = None,
    dry_run: DryRun = False,
    output: Format = TextOrJson.TEXT,
) -> int:
    """Write manifests and flow files for published flows that no manifest names."""
    import json

    from controller.cli.imports import ImportRequest, bring_in, import_document, import_text

    request = ImportRequest(folder, tuple(flows or ()), tuple(organization or ()), into, dry_run)
    found = bring_in(request)
    if output is TextOrJson.JSON:
        print(json.dumps(import_document(found), indent=2, ensure_ascii=False))
    else:
        print(import_text(found), end="")
    return found.exit_code
