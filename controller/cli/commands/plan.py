"""`penstock plan`: the changes that `apply` would make, their order, and the reasons."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from controller.cli import exit_codes
from controller.cli.comparison_output import comparisons_markdown, comparisons_text
from controller.cli.options import Folder, Organizations
from controller.cli.output import output_to
from controller.cli.progress_bars import plan_bar, progress_bar
from controller.cli.running import answer, opened_services, report_failures, run_passes
from controller.cli.screen import screen_of
from controller.planning.model import Plan
from controller.planning.rendering.document import plan_json
from controller.planning.rendering.pages import COMMENT_LIMIT, plan_html, plan_markdown
from controller.planning.rendering.text import plan_content, plan_summary
from controller.questions.comparisons import FlowComparison, differences
from controller.questions.refusals import with_refusals
from controller.reconcile.pass_ import PassRequest
from controller.reconcile.report import PassReport
from controller.reconcile.services import Services
from controller.reconcile.settings import load_settings
from controller.reconcile.workspace import Workspace, open_folder


class PlanFormat(StrEnum):
    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"
    HTML = "html"


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """The command line of `penstock plan`."""

    folder: Folder = Path()
    organization: Organizations = None
    output: Annotated[PlanFormat, typer.Option("--format", "-f", help="text, json, markdown or html.")] = (
        PlanFormat.TEXT
    )
    out: Annotated[Path | None, typer.Option("--out", help="Write the plan to this file, too, as JSON.")] = None
    everything: Annotated[bool, typer.Option("--all", help="List the flows that are in sync, too.")] = False
    retry: Annotated[bool, typer.Option("--retry", help="Plan changes again that were rolled back.")] = False
    diff: Annotated[bool, typer.Option("--diff", help="Show the differences inside each flow (text, markdown).")] = (
        False
    )
    only_problems: Annotated[
        bool, typer.Option("--only-problems", help="Leave out changes without a block or a warning (text).")
    ] = False
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="End with 2 when there are changes.")
    ] = False


def plan(options: PlanOptions) -> int:
    """Plan as `apply` would, and show it; the exit code is that of `exit_codes.for_plans`."""
    as_json = options.output is PlanFormat.JSON
    if options.diff and options.output not in (PlanFormat.TEXT, PlanFormat.MARKDOWN):
        raise typer.BadParameter("goes with text and markdown; programs read `penstock diff`", param_hint="--diff")
    if options.only_problems and options.output is not PlanFormat.TEXT:
        raise typer.BadParameter("goes with text; programs read the blocks in JSON", param_hint="--only-problems")
    settings = load_settings()
    workspace = open_folder(options.folder, settings, options.organization or ())
    requests = [PassRequest(each.name, retry=options.retry) for each in workspace.desired.organizations]
    with opened_services(settings) as services:
        with plan_bar() as listener:
            reports = run_passes(workspace, requests, services, listener)
        plans = _plans(reports, workspace, services)
        failed = [report for report in reports if report.plan is None]
        if failed and as_json:
            # Half a document would pass for a whole one.
            return report_failures(failed, as_json=True)
        tail = _differences(plans, workspace, services, options) if options.diff else ""
    if options.out is not None and not failed:
        with output_to(options.out) as write:
            write(plan_json(plans, everything=True))
    if plans:
        print(_rendered(plans, options, tail), end="")
    if failed:
        return report_failures(failed, as_json=False)
    return exit_codes.for_plans(plans, detailed=options.detailed_exitcode)


def _plans(reports: Sequence[PassReport], workspace: Workspace, services: Services) -> list[Plan]:
    """The plans, each with the reasons that hold back a delivery at this moment."""
    return [
        with_refusals(
            report.plan, workspace.organization(report.organization), services, workspace.dirty, report.unpushed
        )
        for report in reports
        if report.plan is not None
    ]


def _rendered(plans: Sequence[Plan], options: PlanOptions, differences_inside: str) -> str:
    everything = options.everything
    if options.output is PlanFormat.JSON:
        return plan_json(plans, everything=everything)
    if options.output is PlanFormat.MARKDOWN:
        limit = COMMENT_LIMIT // 2 if options.diff else COMMENT_LIMIT
        return plan_markdown(plans, everything=everything, limit=limit) + differences_inside
    if options.output is PlanFormat.HTML:
        return plan_html(plans, everything=everything)
    screen, only_problems = screen_of(sys.stdout), options.only_problems
    content = plan_content(plans, everything=everything, only_problems=only_problems, screen=screen)
    return content + differences_inside + plan_summary(plans, only_problems=only_problems, screen=screen)


def _differences(plans: Sequence[Plan], workspace: Workspace, services: Services, options: PlanOptions) -> str:
    """The differences inside the flows, as text below the changes."""
    found = answer(services, _compared(plans, workspace, services))
    if options.output is PlanFormat.MARKDOWN:
        return "\n" + comparisons_markdown(found, COMMENT_LIMIT // 2)
    return comparisons_text(found, screen=screen_of(sys.stdout)) + "\n"


async def _compared(plans: Sequence[Plan], workspace: Workspace, services: Services) -> list[FlowComparison]:
    found: list[FlowComparison] = []
    with progress_bar("comparing flows") as advance:
        for each in plans:
            found += await differences(services, workspace.organization(each.organization), each, advance)
    return found
