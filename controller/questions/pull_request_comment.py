"""What a pull request is told about its plan: one comment, and the status of its head.

`penstock comment` and the controller post the same. All that it shows may come from strangers; the renderers escape it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import structlog

from controller.domain.errors.branches import Invalid, PenstockError
from controller.domain.errors.forge import ForgePermissionMissing
from controller.domain.errors.manifest import ManifestInvalid, Mistake
from controller.domain.redaction import SECRETS
from controller.domain.visible import visible
from controller.domain.wording import advised, counted
from controller.forges.comment import (
    CommentMarker,
    CommentOutcome,
    CommentText,
    PublishedComment,
    longest_body,
    publish_comment,
)
from controller.forges.port import AnnotationLevel, CheckResult, CommitStatus, Forge, ForgeAnnotation, StatusState
from controller.planning.model import Unplanned
from controller.planning.rendering.escaping import code, escape
from controller.planning.rendering.fitting import Block, Part, fitted
from controller.planning.rendering.markdown import TITLE, plan_markdown
from controller.planning.rendering.page import page
from controller.planning.rendering.view import PlanView
from controller.reconcile.report import Failed

PURPOSE = "plan"
STATUS_CONTEXT = "penstock/plan"
"""The name that branch protection asks for."""
SAVED_PURPOSE = "saved"
SAVED_CONTEXT = "penstock/saved-plan"
"""A plan from a file has comment and status of its own: it never takes the place of a plan that was checked."""
CHECK = "penstock/validate"
"""The check run that holds the annotations."""
_MISTAKE, _REASON = (5,), (9,)
"""How long a part is kept when the text is too long: the larger, the longer."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanReview:
    """The plans of a pull request, or why there are none."""

    views: Sequence[PlanView] = ()
    unplanned: Sequence[Unplanned] = ()
    failures: Sequence[Failed] = ()
    """Organisations without a plan, and why."""
    error: PenstockError | None = None
    """Why there is no plan at all."""
    checked: bool = True
    """False for plans from a file: they were not checked, and cannot be approved."""

    @property
    def changes(self) -> bool:
        """Whether there is anything to tell."""
        wrong = self.error is not None or self.failures or self.unplanned
        return bool(wrong) or not all(view.quiet for view in self.views)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewPlace:
    """Where a review is posted."""

    number: int
    head_sha: str
    head_branch: str | None = None
    organizations: tuple[str, ...] = ()
    """The organisations that were chosen; runs for others write comments of their own. Empty for all."""
    status: bool = True
    always: bool = False
    """Write a comment even where nothing changes."""


async def post_review(forge: Forge, place: ReviewPlace, review: PlanReview) -> PublishedComment:
    """Post the review: one comment, updated, and the status. Raises the errors of the forge."""
    marker = CommentMarker(PURPOSE if review.checked else SAVED_PURPOSE, place.organizations)
    text = CommentText(
        body=review_markdown(review, longest_body(forge, marker)),
        head_sha=place.head_sha,
        status=review_status(review, place.organizations) if place.status else None,
        head_branch=place.head_branch,
        only_update=not (place.always or review.changes),
    )
    posted = await publish_comment(forge, place.number, marker, text)
    if posted.outcome in (CommentOutcome.CREATED, CommentOutcome.UPDATED):
        await _annotate(forge, place, review)
    return posted


async def _annotate(forge: Forge, place: ReviewPlace, review: PlanReview) -> None:
    """Show mistakes at their lines, where the forge has that and the token may; the comment lists them anyway."""
    if forge.checks is None or not isinstance(review.error, ManifestInvalid):
        return
    found = [
        ForgeAnnotation(
            path=each.origin.file,
            line=each.origin.line,
            column=each.origin.column,
            level=AnnotationLevel.FAILURE,
            message=SECRETS.text(advised(each.message, each.hint)),
            title=each.code,
        )
        for each in review.error.mistakes
    ]
    title = counted(len(found), "mistake")
    result = CheckResult(CHECK, StatusState.FAILURE, title, f"{title} in the manifests and flow files.")
    try:
        await forge.checks.annotate(place.head_sha, found, result)
    except ForgePermissionMissing as error:
        log.info("forge.not_annotated", number=place.number, error=error.message)


def review_status(review: PlanReview, organizations: tuple[str, ...] = ()) -> CommitStatus:
    """The commit status: `failure` where a commit must mend something, `error` where there is no result."""
    context = STATUS_CONTEXT if review.checked else SAVED_CONTEXT
    context = f"{context}: {', '.join(organizations)}" if organizations else context
    state, description = _verdict(review)
    words = visible(SECRETS.text(description))
    return CommitStatus(state, context, words if review.checked else f"not checked: {words}")


def _verdict(review: PlanReview) -> tuple[StatusState, str]:
    if isinstance(review.error, ManifestInvalid):
        return StatusState.FAILURE, counted(len(review.error.mistakes), "mistake")
    if review.error is not None:
        return _state_of(review.error), review.error.message
    if review.failures:
        first = review.failures[0]
        return StatusState.ERROR, f"{first.organization}: {first.error.message if first.error else 'interrupted'}"
    several = len(review.views) > 1
    summaries = [
        f"{view.plan.organization}: {page(view).summary}" if several else page(view).summary for view in review.views
    ]
    refused = any(view.plan.needs_commit for view in review.views)
    return StatusState.FAILURE if refused else StatusState.SUCCESS, "; ".join(summaries) or "no organisation to plan"


def _state_of(error: PenstockError) -> StatusState:
    return StatusState.FAILURE if isinstance(error, Invalid) else StatusState.ERROR


def review_markdown(review: PlanReview, limit: int) -> str:
    """The body of the comment, at most `limit` characters long."""
    if review.error is not None:
        return error_markdown([(None, review.error)], limit)
    errors = [(each.organization, each.error) for each in review.failures if each.error is not None]
    failed = error_markdown(errors, limit // 2)
    if failed and not (review.views or review.unplanned):
        return failed
    plans = plan_markdown(review.views, review.unplanned, limit=limit - len(failed) - 1, checked=review.checked)
    return f"{failed}\n{plans.removeprefix(TITLE)}" if failed else plans


def error_markdown(
    errors: Sequence[tuple[str | None, PenstockError]] | Sequence[tuple[str, PenstockError]], limit: int
) -> str:
    """The reasons why there is no plan, each with its organisation where it is about one; empty without errors.

    Every mistake of the manifests is listed with file, line and column. Too long a text loses mistakes from its end,
    and says how many.
    """
    if not errors:
        return ""
    blocks = [Block([Part(f"{_heading(name)}\n\n", _REASON, "line"), *_lines(error)]) for name, error in errors]
    return TITLE + fitted(blocks, limit - len(TITLE), _shortened_mistakes).rstrip("\n") + "\n"


def _heading(organization: str | None) -> str:
    of = f" for <b>{escape(organization)}</b>" if organization else ""
    return f"**There is no plan{of}.**"


def _lines(error: PenstockError) -> Iterator[Part]:
    if isinstance(error, ManifestInvalid):
        yield from (Part(f"- {_mistake(each)}\n", _MISTAKE, "mistake") for each in error.mistakes)
        return
    message = advised(error.message, error.hint)
    yield Part(f"- {escape(SECRETS.text(message))} ({code(error.code)})\n", _REASON, "reason")


def _mistake(mistake: Mistake) -> str:
    message = advised(mistake.message, mistake.hint)
    return f"<b>{escape(str(mistake.origin))}</b>: {escape(SECRETS.text(message))}"


def _shortened_mistakes(left_out: str) -> str:
    return f"> Shortened to fit a comment: {left_out} left out. `penstock validate` lists all.\n\n"
