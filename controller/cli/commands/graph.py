"""`penstock graph`: who consumes whom."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from controller.cli import exit_codes
from controller.cli.options import Folder


class Origin(StrEnum):
    REPOSITORY = "repository"
    LIVE = "live"
    BOTH = "both"


class GraphFormat(StrEnum):
    TEXT = "text"
    JSON = "json"
    DOT = "dot"
    MERMAID = "mermaid"
    SVG = "svg"


OneOrganization = Annotated[
    str | None, typer.Option("--organization", "-o", help="The organisation; needed when there are several.")
]
From = Annotated[
    Origin | None, typer.Option("--from", help="repository (no call; the default), live, or both compared.")
]
Form = Annotated[GraphFormat, typer.Option("--format", "-f", help="text, json, dot, mermaid or svg.")]
Out = Annotated[Path | None, typer.Option("--out", help="Write to this file instead of stdout.")]
Nodes = Annotated[str | None, typer.Option("--nodes", metavar="FLOW", help="The nodes inside this flow.")]
AllNodes = Annotated[bool, typer.Option("--all-nodes", help="The nodes inside all flows, in one graph.")]
Order = Annotated[bool, typer.Option("--order", help="The sequence in waves, what is needed first; inside flows, too.")]
Managed = Annotated[bool, typer.Option("--managed", help="With --compat: only flows that a manifest names.")]
Resources = Annotated[bool, typer.Option("--resources", help="Queues, data actions, prompts, ... as leaves, too.")]
Impact = Annotated[
    list[str] | None, typer.Option("--impact", metavar="FLOW", help="All that a change of this flow reaches.")
]
Cycles = Annotated[
    bool,
    typer.Option("--cycles", help="One shortest cycle of each group that goes round; ends with 1 if there is one."),
]
Orphans = Annotated[bool, typer.Option("--orphans", help="Flows that no other flow uses.")]
Missing = Annotated[
    bool, typer.Option("--missing", help="References to flows that exist nowhere; ends with 1 if there is one.")
]
Compat = Annotated[
    bool,
    typer.Option("--compat", help="Whether what is live meets what is asked for, of every flow; ends with 1 if not."),
]
TargetVersion = Annotated[
    str | None, typer.Option("--target-version", help="With --compat: the version that has to be live.")
]
Statuses = Annotated[
    list[str] | None, typer.Option("--status", help="With --compat: an allowed status; published and deployed.")
]
VerifyIndex = Annotated[
    bool, typer.Option("--verify-index", help="Compare with the organisation's dependency index (architect).")
]


def graph(
    folder: Folder = Path(),
    organization: OneOrganization = None,
    origin: From = None,
    output: Form = GraphFormat.TEXT,
    out: Out = None,
    nodes: Nodes = None,
    resources: Resources = False,
    impact: Impact = None,
    cycles: Cycles = False,
    orphans: Orphans = False,
    missing: Missing = False,
    compat: Compat = False,
    target_version: TargetVersion = None,
    status: Statuses = None,
    verify_index: VerifyIndex = False,
    all_nodes: AllNodes = False,
    order: Order = False,
    managed: Managed = False,
) -> int:
    """Show how flows depend on each other, or what stands inside one."""
    from controller.cli.graphs import GraphRequest, draw, gather
    from controller.cli.sinks import output_to, warn

    request = GraphRequest(
        folder=folder,
        organization=organization,
        origin=origin.value if origin else None,
        nodes=nodes,
        resources=resources,
        impact=tuple(impact or ()),
        cycles=cycles,
        orphans=orphans,
        missing=missing,
        compat=compat,
        target_version=target_version,
        statuses=tuple(status or ()),
        verify_index=verify_index,
        all_nodes=all_nodes,
        order=order,
        managed=managed,
    )
    drawing = gather(request)
    warn(drawing.warnings)
    with output_to(out) as write:
        write(draw(drawing, output.value))
    return exit_codes.DONE if drawing.answers.passed else exit_codes.ERROR
