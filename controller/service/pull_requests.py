"""Plans open pull requests and posts each plan as one comment and one commit status.

Nothing of a pull request is run: its files are read from git's objects, and the base branch decides where requests and
credentials go. Plans have the lowest priority of the request budget. A pull request is planned again when its head,
the followed branch or the live state moves. With several controllers, one lease decides which of them does this.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from controller.domain.errors import ForgeNotFound, LeaseHeld, LeaseLost, PenstockError, as_fault
from controller.domain.platform import Priority
from controller.domain.waiting import first_of
from controller.forges.comment import CommentMarker, mark_outdated
from controller.forges.port import Forge, PullRequest, PullRequestState
from controller.planning.rendering.view import PlanView
from controller.questions.comparisons import FlowComparison, differences
from controller.questions.plan_views import plan_views
from controller.questions.pull_request_comment import PURPOSE, PlanReview, ReviewPlace, post_review
from controller.questions.pull_request_plan import BranchPlan, BranchRequest, plan_against_base
from controller.reconcile.branch import Branch, BranchNames, open_branch
from controller.reconcile.report import PassReport
from controller.reconcile.services import Services
from controller.repository.repository import Repository
from controller.service.merged import MergedPullRequests

log = structlog.get_logger()

LEASE = "pull requests"
_LEASE_INTERVALS = 3.0
"""The lease outlives so many polls, so that a busy round keeps it."""
_SHORTEST_LEASE_S = 300.0
_OUTDATED = "> A newer commit was pushed; its plan is being made. This is the plan of the commit before."


@dataclass(frozen=True, slots=True)
class _State:
    """All that a posted plan depends on."""

    head_sha: str
    base_sha: str
    live: tuple[tuple[str, str], ...]
    """The digest of the base's own plan, for each organisation that was looked at."""


@dataclass(frozen=True, slots=True)
class _Planned:
    """The last plan of a pull request."""

    state: _State
    tree: str
    review: PlanReview


class PullRequests:
    """The open pull requests for the followed branch of one repository."""

    def __init__(
        self, services: Services, forge: Forge, repository: Callable[[], Repository | None], merged: MergedPullRequests
    ) -> None:
        """`repository` gives the controller's clone, or None until it was made."""
        self._services = services
        self._forge = forge
        self._repository = repository
        self._merged = merged
        self._wake = asyncio.Event()
        self._live: dict[str, str] = {}
        self._planned: dict[int, _Planned] = {}

    def changed(self, number: int) -> bool:
        """Poll at once: the forge reported a change of this pull request."""
        log.debug("pull_request.reported", number=number)
        self._wake.set()
        return True

    def looked(self, report: PassReport) -> None:
        """Take note of a pass: where it saw another state than the pass before, plans are made again."""
        if report.plan is not None and self._live.get(report.organization) != report.plan.digest:
            self._live[report.organization] = report.plan.digest
            self._wake.set()
        self._merged.looked(report)

    def pushed(self) -> None:
        """Poll at once: the followed branch moved."""
        self._wake.set()

    async def run(self) -> None:
        """Poll and plan until cancelled; the forge's faults are logged and survived."""
        clock, interval_s = self._services.clock, self._services.settings.poll_interval
        while True:
            self._wake.clear()
            try:
                await self._round(max(_SHORTEST_LEASE_S, _LEASE_INTERVALS * interval_s))
            except (LeaseHeld, LeaseLost):
                log.debug("pull_requests.elsewhere")
            except Exception as error:  # noqa: BLE001 - the next round may do
                log.warning("pull_requests.failed", error=as_fault(error, "the pull requests cannot be read").message)
            await first_of(clock, interval_s, self._wake)

    async def _round(self, lease_s: float) -> None:
        repository = self._repository()
        if repository is None:
            return
        leases = self._services.store.leases
        leases.acquire(LEASE, self._services.holder, ttl_s=lease_s)
        base = await asyncio.to_thread(repository.head, repository.followed)
        pulls = [each for each in await self._forge.open_pull_requests() if each.base_branch == repository.followed]
        for number in self._planned.keys() - {each.number for each in pulls}:
            await self._closed(number)
        for pull in pulls:
            leases.acquire(LEASE, self._services.holder, ttl_s=lease_s)
            state = _State(pull.head_sha, base, tuple(sorted(self._live.items())))
            before = self._planned.get(pull.number)
            if before is None or before.state != state:
                await self._plan_and_post(repository, pull, state)
        await self._merged.post()

    async def _plan_and_post(self, repository: Repository, pull: PullRequest, state: _State) -> None:
        """Plan one pull request and post the plan, or why there is none. No error may keep the others waiting."""
        try:
            before = self._planned.get(pull.number)
            if before is not None and before.state.head_sha != pull.head_sha:
                await mark_outdated(self._forge, pull.number, CommentMarker(PURPOSE), pull.head_sha, _OUTDATED)
            planned = await self._plan(repository, pull, state)
            place = ReviewPlace(number=pull.number, head_sha=pull.head_sha, head_branch=pull.head_branch)
            posted = await post_review(self._forge, place, planned.review)
        except Exception as error:  # noqa: BLE001 - reported as a fault
            fault = as_fault(error, f"pull request {pull.number} cannot be planned")
            log.warning("pull_request.failed", number=pull.number, code=fault.code, error=fault.message)
            return
        self._planned[pull.number] = planned
        log.info("pull_request.planned", number=pull.number, head=pull.head_sha, comment=posted.outcome.value)

    async def _plan(self, repository: Repository, pull: PullRequest, state: _State) -> _Planned:
        """The plan. A head with the same files as the one before, at the same base and live state, has the same."""
        ref = self._forge.kind.head_ref(pull.number)
        head = await asyncio.to_thread(repository.fetch_ref, ref, pull.head_sha)
        tree = await asyncio.to_thread(repository.tree, head)
        before = self._planned.get(pull.number)
        if before is not None and before.tree == tree and replace(before.state, head_sha=state.head_sha) == state:
            return _Planned(state, tree, _at_revision(before.review, head))
        try:
            names = BranchNames(base=state.base_sha, head=head)
            branch = await asyncio.to_thread(open_branch, repository, names, self._services.settings)
        except PenstockError as error:
            return _Planned(state, tree, PlanReview(error=error))
        return _Planned(state, tree, await self._review(replace(branch, base_ref=repository.followed)))

    async def _review(self, branch: Branch) -> PlanReview:
        services, request = self._services, BranchRequest(priority=Priority.EXPORT)
        made = await plan_against_base(services, branch, request)
        return PlanReview(
            views=plan_views(made.plans, await self._differences(made)),
            unplanned=made.unplanned,
            failures=made.failures,
        )

    async def _differences(self, made: BranchPlan) -> dict[str, list[FlowComparison]]:
        return {
            plan.organization: await differences(self._services, made.organization(plan.organization), plan)
            for plan in made.plans
        }

    async def _closed(self, number: int) -> None:
        """A pull request is no longer open: after a merge its comment tells of the delivery."""
        planned = self._planned.pop(number)
        try:
            pull = await self._forge.pull_request(number)
        except ForgeNotFound:
            return
        if pull.state is PullRequestState.MERGED and pull.merge_sha is not None:
            await self._merged.add(pull, planned.review)
        elif pull.state is PullRequestState.OPEN:
            self._planned[number] = planned


def _at_revision(review: PlanReview, revision: str) -> PlanReview:
    """The same review for another commit with the same files."""
    views: list[PlanView] = [replace(view, plan=replace(view.plan, revision=revision)) for view in review.views]
    return replace(review, views=views)
