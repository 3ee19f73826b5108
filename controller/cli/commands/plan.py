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
    from controller.cli.outcome import tell_failed
    from controller.cli.progress import look_bar
    from controller.cli.running import opened_services, run_passes
    from controller.cli.sinks import output_to
    from controller.planning import plan_json
    from controller.questions.held_back import with_held_back
    from controller.reconcile import PassRequest, load_settings, open_folder

    if diff and output not in (PlanFormat.TEXT, PlanFormat.MARKDOWN):
        raise typer.BadParameter("goes with text and markdown; programs read `penstock diff`", param_hint="--diff")
    settings = load_settings()
    workspace = open_folder(folder, settings, organization or ())
    requests = [PassRequest(each.name, retry=retry) for each in workspace.desired.organizations]
    with opened_services(settings) as services:
        with look_bar() as listener:
            reports = run_passes(workspace, requests, services, listener)
        plans = [
            with_held_back(
                report.plan,
                workspace.organization(report.organization),
                services,
                workspace.dirty,
                report.unpushed,
            )
            for report in reports
            if report.plan is not None
        ]
        failed = [report for report in reports if report.plan is None]
        if failed and output is PlanFormat.JSON:
            # Half a document would pass for a whole one.
            return tell_failed(failed, as_json=True)
        tail = _differences(plans, workspace, services, output) if diff else ""
    if out is not None and not failed:
        with output_to(out) as write:
            write(plan_json(plans, everything=True))
    if plans:
        print(_render(plans, output, everything, with_tail=bool(tail)) + tail, end="")
    if failed:
        return tell_failed(failed, as_json=False)
    return exit_codes.for_plans(plans, detailed=detailed_exitcode)


def _render(plans: list[Plan], output: PlanFormat, everything: bool, *, with_tail: bool) -> str:
    from controller.cli.console import wants_color
    from controller.planning import plan_html, plan_json, plan_markdown, plan_text
    from controller.planning.rendering.markdown import COMMENT_LIMIT

    if output is PlanFormat.JSON:
        return plan_json(plans, everything=everything)
    if output is PlanFormat.MARKDOWN:
        limit = COMMENT_LIMIT // 2 if with_tail else COMMENT_LIMIT
        return plan_markdown(plans, everything=everything, limit=limit)
    if output is PlanFormat.HTML:
        return plan_html(plans, everything=everything)
    return plan_text(plans, everything=everything, color=wants_color())


def _differences(plans: list[Plan], workspace: Workspace, services: Services, output: PlanFormat) -> str:
    """What changes inside the flows, to stand below the plan."""
    from controller.cli.comparisons import comparisons_markdown, comparisons_text
    from controller.cli.diffs import plan_differences
    from controller.planning.rendering.markdown import COMMENT_LIMIT

    found = plan_differences(workspace, services, plans)
    if output is PlanFormat.MARKDOWN:
        return "\n" + comparisons_markdown(found, COMMENT_LIMIT // 2)
    return "\n" + comparisons_text(found)
