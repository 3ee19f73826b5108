"""`penstock plan`: the changes that `apply` would make, their order, and the reasons."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from controller.cli import exit_codes
from controller.cli.annotations import FORGE_FORMATS, Level, of_failure, of_mistakes, of_plans, of_unplanned
from controller.cli.lazy import module
from controller.cli.options import Folder, Organizations
from controller.cli.output import output_to
from controller.cli.planning import PlanChoice, Planned, plans_of
from controller.cli.running import failures_code, opened_services, report_failures
from controller.cli.screen import screen_of
from controller.domain.errors.manifest import ManifestInvalid
from controller.planning.rendering.text import plan_content, plan_summary, unplanned_text
from controller.reconcile.settings import load_settings

if TYPE_CHECKING:
    from controller.cli.plan_differences import Comparisons

_DIFFERENCES, _DOCUMENTS = "controller.cli.plan_differences", "controller.cli.plan_documents"
"""Imported where an option asks for them: the usual plan is text without differences."""


class PlanFormat(StrEnum):
    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"
    HTML = "html"
    GITHUB = "github"
    GITLAB = "gitlab"


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
        bool,
        typer.Option(
            "--diff", help="Show the differences inside each flow (text, markdown, html), and keep them in --out."
        ),
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

    @property
    def choice(self) -> PlanChoice:
        """What is planned."""
        return PlanChoice(self.folder, tuple(self.organization or ()), self.base, self.retry)


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
    if options.diff and options.out is None and (as_json or options.output in FORGE_FORMATS):
        message = f"goes with {options.output.value} only beside --out; programs read `penstock diff`"
        raise typer.BadParameter(message, param_hint="--diff")
    if options.only_problems and options.output is not PlanFormat.TEXT:
        raise typer.BadParameter("goes with text; programs read the blocks in JSON", param_hint="--only-problems")
    settings = load_settings()
    with opened_services(settings) as services:
        made = plans_of(options.choice, services)
        if made.failed and as_json:
            # Half a document would pass for a whole one.
            return report_failures(made.failed, as_json=True)
        compared = module(_DIFFERENCES).compared_flows(made, services) if options.diff else None
    if options.out is not None and not made.failed:
        with output_to(options.out) as write:
            write(module(_DOCUMENTS).saved_document(made, compared))
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


def _annotated(made: Planned, form: str) -> str:
    """The findings at their places; nothing else is printed, since a runner would read it."""
    organizations = {**made.described, **made.planned}
    found = [of_failure(each.error, organizations[each.organization]) for each in made.failed if each.error]
    found += [of_unplanned(each, organizations[each.organization]) for each in made.unplanned]
    return FORGE_FORMATS[form]([*found, *of_plans(made.plans, organizations)])


def _rendered(made: Planned, options: PlanOptions, compared: Comparisons | None) -> str:
    plans, unplanned, everything = made.plans, made.unplanned, options.everything
    if options.output is not PlanFormat.TEXT:
        document: str = module(_DOCUMENTS).plan_document(made, options.output.value, compared, everything=everything)
        return document
    screen, only_problems = screen_of(sys.stdout), options.only_problems
    content = plan_content(plans, everything=everything, only_problems=only_problems, screen=screen)
    inside: str = "" if compared is None else module(_DIFFERENCES).differences_text(compared)
    summary = plan_summary(plans, only_problems=only_problems, screen=screen) if plans else ""
    return unplanned_text(unplanned, screen) + content + inside + summary
