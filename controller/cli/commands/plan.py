"""`penstock plan`: the changes that `apply` would make, their order, and the reasons."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from controller.cli import exit_codes
from controller.cli.annotations import FORGE_FORMATS, Level, of_failure, of_mistakes, of_plans, of_unplanned
from controller.cli.comparison_output import comparisons_text
from controller.cli.options import Folder, Organizations
from controller.cli.output import output_to
from controller.cli.progress_bars import plan_bar, progress_bar
from controller.cli.running import Failed, answer, failures_code, opened_services, report_failures, run_passes
from controller.cli.screen import screen_of
from controller.cli.workspace import branch_of
from controller.domain.desired import Organization
from controller.domain.errors import ManifestInvalid
from controller.planning.model import Plan, Unplanned
from controller.planning.rendering.document import plan_json
from controller.planning.rendering.html import plan_html
from controller.planning.rendering.markdown import plan_markdown
from controller.planning.rendering.text import plan_content, plan_summary, unplanned_text
from controller.questions.comparisons import FlowComparison, differences
from controller.questions.plan_views import plan_views
from controller.questions.pull_request_plan import BranchRequest, plan_against_base
from controller.questions.refusals import with_refusals
from controller.reconcile.pass_ import PassRequest
from controller.reconcile.services import Services
from controller.reconcile.settings import Settings, load_settings
from controller.reconcile.workspace import open_folder


class PlanFormat(StrEnum):
    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"
    HTML = "html"
    GITHUB = "github"
    GITLAB = "gitlab"


Comparisons = dict[str, list[FlowComparison]]
"""By the name of the organisation."""


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """The command line of `penstock plan`."""

    folder: Folder = Path()
    organization: Organizations = None
    output: Annotated[
        PlanFormat, typer.Option("--format", "-f", help="text, json, markdown, html, github or gitlab.")
    ] = PlanFormat.TEXT
    out: Annotated[Path | None, typer.Option("--out", help="Write the plan to this file, too, as JSON.")] = None
    everything: Annotated[bool, typer.Option("--all", help="List the flows that are in sync, too.")] = False
    retry: Annotated[bool, typer.Option("--retry", help="Plan changes again that were rolled back.")] = False
    diff: Annotated[
        bool, typer.Option("--diff", help="Show the differences inside each flow (text, markdown, html).")
    ] = False
    only_problems: Annotated[
        bool, typer.Option("--only-problems", help="Leave out changes without a block or a warning (text).")
    ] = False
    base: Annotated[
        str | None,
        typer.Option("--base", metavar="REF", help="Show what HEAD changes, merged into this branch or commit."),
    ] = None
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="End with 2 when there are changes.")
    ] = False


@dataclass(frozen=True, slots=True)
class Planned:
    """All plans that a command made, and what prevented the others."""

    plans: Sequence[Plan]
    planned: Mapping[str, Organization]
    """The organisations by name, as they were planned."""
    described: Mapping[str, Organization]
    """The organisations by name that manifests describe, also those without a plan."""
    failed: Sequence[Failed] = ()
    unplanned: Sequence[Unplanned] = ()


def plan(options: PlanOptions) -> int:
    """Plan as `apply` would, and show it; the exit code is that of `exit_codes.for_plans`."""
    try:
        return _shown(options)
    except ManifestInvalid as error:
        if options.output not in FORGE_FORMATS:
            raise
        print(FORGE_FORMATS[options.output](of_mistakes(Level.ERROR, error.mistakes)), end="")
        return exit_codes.ERROR


def _shown(options: PlanOptions) -> int:
    as_json = options.output is PlanFormat.JSON
    if options.diff and (as_json or options.output in FORGE_FORMATS):
        message = f"does not go with {options.output.value}; programs read `penstock diff`"
        raise typer.BadParameter(message, param_hint="--diff")
    if options.only_problems and options.output is not PlanFormat.TEXT:
        raise typer.BadParameter("goes with text; programs read the blocks in JSON", param_hint="--only-problems")
    settings = load_settings()
    with opened_services(settings) as services:
        made = _of_folder(options, settings, services) if options.base is None else _of_branch(options, services)
        if made.failed and as_json:
            # Half a document would pass for a whole one.
            return report_failures(made.failed, as_json=True)
        compared = answer(services, _compared(made, services)) if options.diff else None
    if options.out is not None and not made.failed:
        with output_to(options.out) as write:
            write(plan_json(made.plans, made.unplanned, everything=True))
    if options.output in FORGE_FORMATS:
        print(_annotated(made, options.output), end="")
        return exit_codes.of_all([failures_code(made.failed), _code(made, options)])
    if made.plans or made.unplanned:
        print(_rendered(made, options, compared), end="")
    if made.failed:
        return report_failures(made.failed, as_json=False)
    return _code(made, options)


def _code(made: Planned, options: PlanOptions) -> int:
    return exit_codes.for_plans(made.plans, detailed=options.detailed_exitcode)


def _of_folder(options: PlanOptions, settings: Settings, services: Services) -> Planned:
    """The plans of the folder, each with the reasons that hold back a delivery at this moment."""
    workspace = open_folder(options.folder, settings, options.organization or ())
    organizations = {each.name: each for each in workspace.desired.organizations}
    requests = [PassRequest(name, retry=options.retry) for name in organizations]
    with plan_bar() as listener:
        reports = run_passes(workspace, requests, services, listener)
    plans = [
        with_refusals(report.plan, organizations[report.organization], services, workspace.dirty, report.unpushed)
        for report in reports
        if report.plan is not None
    ]
    return Planned(plans, organizations, organizations, [report for report in reports if report.plan is None])


def _of_branch(options: PlanOptions, services: Services) -> Planned:
    """The plans of HEAD against a base."""
    branch = branch_of(options.folder, options.base or "", services.settings, options.organization or ())
    with plan_bar() as listener:
        request = BranchRequest(retry=options.retry, listener=listener)
        made = answer(services, plan_against_base(services, branch, request))
    organizations = {each.organization: made.organization(each.organization) for each in made.plans}
    sides = (*made.branch.base.desired.organizations, *made.branch.head.desired.organizations)
    return Planned(made.plans, organizations, {each.name: each for each in sides}, made.failures, made.unplanned)


def _annotated(made: Planned, form: str) -> str:
    """The findings at their places; nothing else is printed, since a runner would read it."""
    organizations = {**made.described, **made.planned}
    found = [of_failure(each.error, organizations[each.organization]) for each in made.failed if each.error]
    found += [of_unplanned(each, organizations[each.organization]) for each in made.unplanned]
    return FORGE_FORMATS[form]([*found, *of_plans(made.plans, organizations)])


def _rendered(made: Planned, options: PlanOptions, compared: Comparisons | None) -> str:
    plans, unplanned, everything = made.plans, made.unplanned, options.everything
    if options.output is PlanFormat.JSON:
        return plan_json(plans, unplanned, everything=everything)
    if options.output is PlanFormat.MARKDOWN:
        return plan_markdown(plan_views(plans, compared), unplanned, everything=everything)
    if options.output is PlanFormat.HTML:
        return plan_html(plan_views(plans, compared), unplanned, everything=everything)
    screen, only_problems = screen_of(sys.stdout), options.only_problems
    content = plan_content(plans, everything=everything, only_problems=only_problems, screen=screen)
    summary = plan_summary(plans, only_problems=only_problems, screen=screen) if plans else ""
    return unplanned_text(unplanned, screen) + content + _differences(compared) + summary


def _differences(compared: Comparisons | None) -> str:
    """The differences inside the flows, as text below the changes."""
    if compared is None:
        return ""
    return (
        comparisons_text([each for found in compared.values() for each in found], screen=screen_of(sys.stdout)) + "\n"
    )


async def _compared(made: Planned, services: Services) -> Comparisons:
    found: Comparisons = {}
    with progress_bar("comparing flows") as advance:
        for each in made.plans:
            found[each.organization] = await differences(services, made.planned[each.organization], each, advance)
    return found
