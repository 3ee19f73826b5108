"""The plan of one pull request, as a comment shows it.

A plan depends on the files that the merge would leave, not on those of the head: two heads with the same files may
leave different ones, where one of them holds more of the base.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from controller.domain.errors.branches import Invalid, PenstockError
from controller.domain.foreign_errors import as_fault
from controller.domain.platform import Priority
from controller.forges.port import PullRequest
from controller.planning.rendering.view import PlanView
from controller.questions.comparisons import differences
from controller.questions.flow_comparison import FlowComparison
from controller.questions.plan_views import plan_views
from controller.questions.pull_request_comment import PlanReview
from controller.questions.pull_request_plan import BranchFailure, BranchPlan, BranchRequest, plan_against_base
from controller.reconcile.branch import Branch, BranchNames, OrganizationOnBranch, open_branch
from controller.reconcile.services import Services
from controller.repository.repository import Repository

log = structlog.get_logger()

Refusal = Callable[[str], str | None]
"""Why an organisation is not planned, as it does not belong to the repository; None for one that is."""


@dataclass(frozen=True, slots=True)
class ReviewedState:
    """All that a posted plan depends on."""

    head_sha: str
    base_sha: str
    live: tuple[tuple[str, str], ...]
    """What the last pass over each organisation saw and did, as `PullRequests` tells one from another."""


@dataclass(frozen=True, slots=True)
class PlannedPullRequest:
    """The last plan of a pull request."""

    state: ReviewedState
    tree: str | None
    """The id of the files after the merge; None where it cannot be merged."""
    review: PlanReview
    posted: bool = False

    @property
    def incomplete(self) -> bool:
        """Whether something is missing that the next try may bring, such as an organisation that did not answer."""
        error = self.review.error
        return bool(self.review.failures) or (error is not None and not isinstance(error, Invalid))


async def plan_pull_request(
    services: Services,
    repository: Repository,
    pull: PullRequest,
    state: ReviewedState,
    refusal: Refusal,
    before: PlannedPullRequest | None,
) -> PlannedPullRequest:
    """The plan, or why there is none. `before` is the last one of this pull request; the head was fetched.

    A head that leaves the same files as the one before, at the same state, has the same plan.
    """
    names = BranchNames(base=state.base_sha, head=pull.head_sha, from_fork=pull.from_fork)
    tree: str | None = None
    try:
        tree = await asyncio.to_thread(repository.merged_tree, names.base, names.head)
        same = before is not None and (before.tree, replace(before.state, head_sha=state.head_sha)) == (tree, state)
        if before is not None and same and not before.incomplete:
            return PlannedPullRequest(state, tree, _at_revision(before.review, names.head))
        branch = await asyncio.to_thread(open_branch, repository, names, services.settings)
        organizations = tuple(_unless_refused(each, refusal(each.name)) for each in branch.organizations)
        review = await _review(services, replace(branch, base_ref=repository.followed, organizations=organizations))
    except Exception as error:
        fault = as_fault(error, f"pull request {pull.number} cannot be planned")
        if fault is not error:
            log.exception("pull_request.broke", number=pull.number)
        review = PlanReview(error=fault)
    return PlannedPullRequest(state, tree, review)


def _unless_refused(organization: OrganizationOnBranch, reason: str | None) -> OrganizationOnBranch:
    return organization if reason is None else replace(organization, head=None, reason=reason)


async def _review(services: Services, branch: Branch) -> PlanReview:
    made = await plan_against_base(services, branch, BranchRequest(priority=Priority.EXPORT))
    found, failures = await _differences(services, made)
    return PlanReview(
        views=plan_views([plan for plan in made.plans if plan.organization in found], found),
        unplanned=made.unplanned,
        failures=(*made.failures, *failures),
    )


async def _differences(
    services: Services, made: BranchPlan
) -> tuple[dict[str, list[FlowComparison]], list[BranchFailure]]:
    """The differences by organisation, and the organisations that could not be asked for them."""
    found: dict[str, list[FlowComparison]] = {}
    failures: list[BranchFailure] = []
    for plan in made.plans:
        try:
            found[plan.organization] = await differences(services, made.organization(plan.organization), plan)
        except PenstockError as error:
            failures.append(BranchFailure(plan.organization, error))
    return found, failures


def _at_revision(review: PlanReview, revision: str) -> PlanReview:
    """The same review for another commit with the same files."""
    views: list[PlanView] = [replace(view, plan=replace(view.plan, revision=revision)) for view in review.views]
    return replace(review, views=views)
