"""`penstock comment`: the plan in the pull request that CI runs for, as one comment that is updated."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from controller.cli import exit_codes
from controller.cli.ci_variables import PullRequestInCI, pull_request_in_ci
from controller.cli.failures import report_failure
from controller.cli.options import Folder, Organizations
from controller.cli.plan_differences import compared_flows
from controller.cli.plan_file import read_plan_file
from controller.cli.planning import PlanChoice, plans_of
from controller.cli.running import opened_services, report_failures
from controller.domain.clock import SystemClock
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.delivery import PlanUnreadable
from controller.domain.errors.process import SettingsInvalid
from controller.domain.visible import visible
from controller.forges.comment import CommentOutcome
from controller.forges.connect import ForgeConnection, connect_forge
from controller.forges.port import ForgeKind
from controller.planning.rendering.saved import FROM_A_STRANGER
from controller.questions.plan_views import plan_views, saved_plan_views
from controller.questions.pull_request_comment import PlanReview, ReviewPlace, post_review
from controller.reconcile.forge import TOKEN_VARIABLE, forge_credentials, operators_hosts
from controller.reconcile.settings import Settings, load_settings

_OUTCOMES = {
    CommentOutcome.CREATED: "commented on",
    CommentOutcome.UPDATED: "updated the comment on",
    CommentOutcome.UNCHANGED: "the comment already says this on",
    CommentOutcome.OUTDATED: "a newer commit was pushed; nothing was written on",
    CommentOutcome.LEFT_OUT: "nothing changes, so there is no comment on",
}


@dataclass(frozen=True, slots=True)
class CommentOptions:
    """The command line of `penstock comment`."""

    folder: Folder = Path()
    organization: Organizations = None
    provider: Annotated[ForgeKind | None, typer.Option("--provider", help="github, gitlab or gitea (Forgejo).")] = None
    repository: Annotated[str | None, typer.Option("--repository", metavar="OWNER/NAME", help="The repository.")] = None
    pull_request: Annotated[
        int | None, typer.Option("--pull-request", min=1, metavar="N", help="Number of the pull or merge request.")
    ] = None
    api_url: Annotated[str | None, typer.Option("--api-url", metavar="URL", help="A self-hosted forge's API.")] = None
    head: Annotated[str | None, typer.Option("--head", metavar="SHA", help="The commit that gets the status.")] = None
    base: Annotated[
        str | None, typer.Option("--base", metavar="REF", help="Compare with this branch or commit; CI's, if it says.")
    ] = None
    saved_plan: Annotated[
        Path | None, typer.Option("--plan", help="Post the plan that `plan --out` wrote, as one that was not checked.")
    ] = None
    always: Annotated[bool, typer.Option("--always", help="Comment even where nothing changes.")] = False
    status: Annotated[bool, typer.Option("--status/--no-status", help="Set the commit's status, too.")] = True
    diff: Annotated[bool, typer.Option("--diff/--no-diff", help="Show the differences inside each flow.")] = True
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="End with 2 when there are changes.")
    ] = False


def comment(options: CommentOptions) -> int:
    """Plan, post, and end as `penstock plan` does. Raises SettingsInvalid when the pull request is not known.

    With a saved plan nothing but the forge is asked, and neither a repository nor the store is opened.
    """
    if options.saved_plan is not None and (options.base is not None or options.folder != Path()):
        raise typer.BadParameter("the plan is made already: leave out FOLDER and --base", param_hint="--plan")
    settings = load_settings()
    place = pull_request_in_ci(os.environ)
    connection = _connection(options, settings, place)
    number = options.pull_request or place.number
    if number is None:
        raise SettingsInvalid("it is not known which pull request to comment on", hint="name it with --pull-request")
    review, code = _reviewed(options, settings, place)
    outcome = asyncio.run(_post(connection, number, options, place, review))
    print(f"{_OUTCOMES[outcome]} pull request {number} of {visible(connection.repository)}")
    return code


def _reviewed(options: CommentOptions, settings: Settings, place: PullRequestInCI) -> tuple[PlanReview, int]:
    """What to post, and the exit code. Errors are reported, and posted as well."""
    try:
        if options.saved_plan is not None:
            return _saved(options, options.saved_plan)
        return _planned(options, settings, place)
    except PenstockError as error:
        code = report_failure(error, as_json=False)
        return PlanReview(error=error, checked=options.saved_plan is None), code


def _saved(options: CommentOptions, path: Path) -> tuple[PlanReview, int]:
    """A saved plan. Its file decides the text of the comment, and never where that is posted."""
    document = read_plan_file(path, FROM_A_STRANGER)
    wanted = frozenset(options.organization or (each.name for each in document.organizations))
    chosen = [each for each in document.organizations if each.name in wanted]
    if len(chosen) < len(wanted):
        missing = ", ".join(sorted(wanted - {each.name for each in chosen}))
        raise PlanUnreadable(f"{path} holds no plan for {missing}")
    views, unplanned = saved_plan_views(replace(document, organizations=chosen))
    if not options.diff:
        views = [replace(view, differences=None) for view in views]
    code = exit_codes.for_plans([view.plan for view in views], detailed=options.detailed_exitcode)
    return PlanReview(views=views, unplanned=unplanned, checked=False), code


def _planned(options: CommentOptions, settings: Settings, place: PullRequestInCI) -> tuple[PlanReview, int]:
    choice = PlanChoice(options.folder, tuple(options.organization or ()), options.base or place.base)
    with opened_services(settings) as services:
        made = plans_of(choice, services)
        differences = compared_flows(made, services) if options.diff else None
    code = report_failures(made.failed, as_json=False) if made.failed else exit_codes.DONE
    review = PlanReview(views=plan_views(made.plans, differences), unplanned=made.unplanned, failures=made.failed)
    return review, code or exit_codes.for_plans(made.plans, detailed=options.detailed_exitcode)


def _connection(options: CommentOptions, settings: Settings, place: PullRequestInCI) -> ForgeConnection:
    """Forge, repository and token: the command line first, then the operator's settings, then what CI says."""
    kind = options.provider or settings.forge or place.kind
    repository = options.repository or settings.forge_repository or place.repository
    if kind is None:
        raise SettingsInvalid("it is not known on which forge to comment", hint="name it with --provider")
    if repository is None:
        raise SettingsInvalid("it is not known for which repository to comment", hint="name it with --repository")
    credentials = forge_credentials(settings) or place.token
    if credentials is None:
        hint = f"set {TOKEN_VARIABLE}" + ("; CI_JOB_TOKEN may not comment" if kind is ForgeKind.GITLAB else "")
        raise SettingsInvalid(f"there is no token for {kind.value}", hint=hint)
    api_url = options.api_url or settings.forge_url or (place.api_url if kind is place.kind else None)
    # Who calls the command, and the CI system that holds the token, may choose where it goes; no manifest can.
    return ForgeConnection(
        kind=kind,
        repository=repository,
        credentials=credentials,
        api_url=api_url,
        hosts=operators_hosts(options.api_url, settings.forge_url, place.api_url),
        ca_file=settings.forge_ca_file,
    )


async def _post(
    connection: ForgeConnection, number: int, options: CommentOptions, place: PullRequestInCI, review: PlanReview
) -> CommentOutcome:
    forge = connect_forge(connection, clock=SystemClock())
    try:
        head, branch = options.head or place.head_sha, place.head_branch
        if head is None:
            found = await forge.pull_request(number)
            head, branch = found.head_sha, found.head_branch
        where = ReviewPlace(
            number=number,
            head_sha=head,
            head_branch=branch,
            organizations=tuple(options.organization or ()),
            status=options.status,
            always=options.always,
        )
        return (await post_review(forge, where, review)).outcome
    finally:
        await forge.aclose()
