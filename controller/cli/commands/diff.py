"""`penstock diff`: what changed, in Architect's words."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from controller.cli import exit_codes
from controller.cli.options import Format, Organizations, TextOrJson

Flow = Annotated[str | None, typer.Argument(metavar="FLOW", help="metadata.name, type/name or name; all by default.")]
Folder = Annotated[Path, typer.Option("--folder", help="Folder of the manifests.", show_default=".")]
FromVersion = Annotated[
    str | None, typer.Option("--from-version", help="Compare versions: the older; the published one by default.")
]
ToVersion = Annotated[
    str | None, typer.Option("--to-version", help="Compare versions: the newer; the published one by default.")
]
FromOrganization = Annotated[
    str | None, typer.Option("--from", metavar="ORGANIZATION", help="Compare what is live in two organisations.")
]
ToOrganization = Annotated[str | None, typer.Option("--to", metavar="ORGANIZATION", help="The other organisation.")]
Everything = Annotated[
    bool, typer.Option("--all", help="Compare flows in sync, too, and list those without differences.")
]
Out = Annotated[Path | None, typer.Option("--out", help="Write to this file instead of stdout.")]
DetailedExitcode = Annotated[bool, typer.Option("--detailed-exitcode", help="End with 2 when there are differences.")]


def diff(
    flow: Flow = None,
    folder: Folder = Path(),
    organization: Organizations = None,
    from_version: FromVersion = None,
    to_version: ToVersion = None,
    from_organization: FromOrganization = None,
    to_organization: ToOrganization = None,
    everything: Everything = False,
    output: Format = TextOrJson.TEXT,
    out: Out = None,
    detailed_exitcode: DetailedExitcode = False,
) -> int:
    """Show what differs between source and live, two versions, or two organisations."""
    import json

    from controller.cli.comparisons import comparisons_document, comparisons_text
    from controller.cli.diffs import DiffRequest, compare
    from controller.cli.sinks import output_to

    request = DiffRequest(
        folder=folder,
        flow=flow,
        organizations=tuple(organization or ()),
        versions=(from_version, to_version),
        between=(from_organization, to_organization),
        everything=everything,
    )
    found = compare(request)
    with output_to(out) as write:
        if output is TextOrJson.JSON:
            write(json.dumps(comparisons_document(found), indent=2, ensure_ascii=False) + "\n")
        else:
            write(comparisons_text(found, everything=everything or flow is not None))
    if any(each.different is None for each in found):
        return exit_codes.ERROR
    return exit_codes.CHANGES if detailed_exitcode and any(each.different for each in found) else exit_codes.DONE
