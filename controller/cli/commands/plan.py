"""`penstock plan`: what would happen, in what order, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from controller.cli import exit_codes
from controller.cli.options import Folder, Organizations, PlanFormat

if TYPE_CHECKING:
    from controller.planning import Plan
    from controller.reconcile import Services, Workspace


def plan(
    folder: Folder = Path(),
    organization: Organizations = None,
    output: Annotated[
        PlanFormat, typer.Option("--format", "-f", help="text, json, markdown or html.")
    ] = PlanFormat.TEXT,
    out: Annotated[Path | None, typer.Option("--out", help="Write the plan to this file, too, as JSON.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="List the flows that are in sync, too.")] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Plan again what was rolled back before.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Show what changes inside each flow (text, markdown).")] = False,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="End with 2 when there are changes.")
    ] = False,
) -> int:
    """Show what `apply` would do: the same plan, and nothing is changed."""
    from controller.cli.running import opened_services, run_passes, write_file
    from controller.planning import plan_json
    from controller.reconcile import PassRequest, load_settings, open_folder

    if diff and output not in (PlanFormat.TEXT, PlanFormat.MARKDOWN):
        raise typer.BadParameter("goes with text and markdown; programs read `penstock diff`", param_hint="--diff")
    settings = load_settings()
    workspace = open_folder(folder, settings, organization or ())
    requests = [PassRequest(each.name, retry=retry) for each in workspace.desired.organizations]
    with opened_services(settings) as services:
        reports = run_passes(workspace, requests, services)
        plans = [report.plan_or_raise() for report in reports]
        tail = _differences(plans, workspace, services, output) if diff else ""
    if out is not None:
        write_file(out, plan_json(plans, everything=True))
    print(_render(plans, output, everything, with_tail=bool(tail)) + tail, end="")
    if detailed_exitcode and any(not each.empty for each in plans):
        return exit_codes.CHANGES
    return exit_codes.DONE


def _render(plans: list[Plan], output: PlanFormat, everything: bool, *, with_tail: bool) -> str:
    from controller.planning import plan_html, plan_json, plan_markdown, plan_text
    from controller.planning.rendering.markdown import COMMENT_LIMIT

    if output is PlanFormat.JSON:
        return plan_json(plans, everything=everything)
    if output is PlanFormat.MARKDOWN:
        return plan_markdown(plans, limit=COMMENT_LIMIT // 2 if with_tail else COMMENT_LIMIT)
    return plan_html(plans) if output is PlanFormat.HTML else plan_text(plans, everything=everything)


def _differences(plans: list[Plan], workspace: Workspace, services: Services, output: PlanFormat) -> str:
    """What changes inside the flows, to stand below the plan."""
    from controller.cli.comparisons import comparisons_markdown, comparisons_text
    from controller.cli.diffs import plan_differences
    from controller.planning.rendering.markdown import COMMENT_LIMIT

    found = plan_differences(workspace, services, plans)
    if output is PlanFormat.MARKDOWN:
        return "\n" + comparisons_markdown(found, COMMENT_LIMIT // 2)
    return "\n" + comparisons_text(found)
