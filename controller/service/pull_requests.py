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

from controller.domain.errors.branches import PenstockError
from controller.domain.errors.delivery import LeaseHeld
from controller.domain.errors.forge import ForgeLimited, ForgeRejected
from controller.domain.errors.process import StoreFailed
from controller.domain.foreign_errors import as_fault
from controller.domain.waiting import Backoff, first_of
from controller.forges.comment import CommentMarker, CommentOutcome, mark_outdated
from controller.forges.port import Forge, PullRequest, PullRequestState
from controller.questions.pull_request_comment import PURPOSE, ReviewPlace, post_review
from controller.reconcile.report import PassReport
from controller.reconcile.services import Services
from controller.repository.repository import Repository
from controller.service.merged import MergedPullRequests
from controller.service.pass_news import PassNews, news_in, news_of
from controller.service.pull_request_plans import PlannedPullRequest, Refusal, ReviewedState, plan_pull_request
from controller.store.leases import Lease

log = structlog.get_logger()

_LEASE_INTERVALS = 3.0
"""The lease outlives so many polls, so that a busy round keeps it."""
_SHORTEST_LEASE_S = 300.0
_OUTDATED = "> A newer commit was pushed; its plan is being made. This is the plan of the commit before."
_LONGEST_PAUSE_S = 600.0
"""Between two tries of the same pull request that cannot be planned or posted."""


@dataclass(frozen=True, slots=True)
class _Retry:
    """When to try again what failed in this state."""

    state: ReviewedState
    failures: int
    at_s: float


class PullRequests:
    """The open pull requests for the followed branch of one repository."""

    def __init__(
        self,
        services: Services,
        forge: Forge,
        repository: Callable[[], Repository | None],
        merged: MergedPullRequests,
        refusal: Refusal,
    ) -> None:
        """`repository` gives the controller's clone, or None until it was made."""
        self._refusal = refusal
        self._services = services
        self._forge = forge
        self._repository = repository
        self._merged = merged
        self._place = forge.repository
        self._wake = asyncio.Event()
        self._live: dict[str, str] = {}
        self._planned: dict[int, PlannedPullRequest] = {}
        self._retries: dict[int, _Retry] = {}
        self._lease: Lease | None = None
        self._elsewhere = False
        """Whether another controller plans them."""

    def changed(self, number: int) -> bool:
        """Poll at once: the forge reported a change of this pull request."""
        log.debug("pull_request.reported", number=number)
        self._wake.set()
        return True

    def looked(self, report: PassReport) -> None:
        """Take note of a pass: where it saw another state than the pass before, plans are made again."""
        self._note(news_of(report))

    def told(self, organization: str) -> None:
        """Take note of a pass of another replica, which the store tells of, where this one plans."""
        if self._elsewhere:
            return
        try:
            for news in news_in(self._services.store, organization):
                self._note(news)
        except StoreFailed as error:
            log.warning("live.not-read", error=error.message)

    def _note(self, news: PassNews) -> None:
        if news.seen is not None and self._live.get(news.organization) != news.seen:
            self._live[news.organization] = news.seen
            self._wake.set()
        if self._merged.looked(news):
            self._wake.set()

    def pushed(self) -> None:
        """Poll at once: the followed branch moved."""
        self._wake.set()

    async def run(self) -> None:
        """Poll and plan until cancelled; the forge's faults are logged and survived."""
        clock = self._services.clock
        try:
            while True:
                self._wake.clear()
                await first_of(clock, await self._safely(), self._wake)
        finally:
            self._release()

    async def _safely(self) -> float:
        """One round; returns the pause until the next, in seconds."""
        interval_s = self._services.settings.poll_interval
        try:
            await self._round()
        except LeaseHeld:
            # What the other controller posts meanwhile is not known here.
            log.debug("pull_requests.elsewhere")
            self._elsewhere = True
            self._planned.clear()
            self._retries.clear()
            self._merged.forget()
        except ForgeLimited as error:
            log.warning("pull_requests.limited", error=error.message, retry_after_s=round(error.retry_after_s))
            return max(interval_s, error.retry_after_s)
        except Exception as error:  # noqa: BLE001 - the next round may do
            log.warning("pull_requests.failed", error=as_fault(error, "the pull requests cannot be read").message)
        return interval_s

    async def _round(self) -> None:
        repository = self._repository()
        if repository is None:
            return
        self._hold(repository)
        base = await asyncio.to_thread(repository.head, repository.followed)
        pulls = [each for each in await self._forge.open_pull_requests() if each.base_branch == repository.followed]
        numbers = {each.number for each in pulls}
        self._retries = {number: each for number, each in self._retries.items() if number in numbers}
        for number in sorted(self._planned.keys() - numbers):
            await self._closed(number, repository.followed)
        await self._merged.post()
        for pull in pulls:
            state = ReviewedState(pull.head_sha, base, tuple(sorted(self._live.items())))
            if not self._is_due(pull.number, state):
                continue
            self._hold(repository)
            await self._plan_and_post(repository, pull, state)
            if self._wake.is_set():
                return  # something moved: the next round begins at once with what changed last

    def _is_due(self, number: int, state: ReviewedState) -> bool:
        retry = self._retries.get(number)
        if retry is not None and retry.state == state:
            return self._services.clock.monotonic() >= retry.at_s
        known = self._planned.get(number)
        return known is None or known.state != state

    def _retry_later(self, number: int, state: ReviewedState) -> None:
        before = self._retries.get(number)
        failures = 1 + (before.failures if before is not None and before.state == state else 0)
        backoff = Backoff(self._services.settings.poll_interval, longest_s=_LONGEST_PAUSE_S)
        at_s = self._services.clock.monotonic() + backoff.wait_s(failures)
        self._retries[number] = _Retry(state, failures, at_s)

    async def _plan_and_post(self, repository: Repository, pull: PullRequest, state: ReviewedState) -> None:
        """Plan one pull request and post the plan, or why there is none. No error may keep the others waiting."""
        number = pull.number
        try:
            planned = await self._up_to_date(repository, pull, state)
            self._hold(repository)
            place = ReviewPlace(number=number, head_sha=pull.head_sha, head_branch=pull.head_branch)
            posted = await post_review(self._forge, place, planned.review)
        except (ForgeLimited, LeaseHeld):
            raise
        except Exception as error:  # noqa: BLE001 - reported as a fault
            fault = as_fault(error, f"pull request {number} cannot be planned")
            log.warning("pull_request.failed", number=number, code=fault.code, error=fault.message)
            self._retry_later(number, state)
            return
        self._planned[number] = replace(planned, posted=posted.outcome is not CommentOutcome.OUTDATED)
        if planned.incomplete or posted.outcome is CommentOutcome.OUTDATED:
            self._retry_later(number, state)
        else:
            self._retries.pop(number, None)
        log.info("pull_request.planned", number=number, head=pull.head_sha, comment=posted.outcome.value)

    async def _up_to_date(self, repository: Repository, pull: PullRequest, state: ReviewedState) -> PlannedPullRequest:
        """The plan for this state; one that was made but could not be posted is not made again."""
        before = self._planned.get(pull.number)
        if before is not None and before.state == state and not before.incomplete:
            return before
        if before is None or before.state.head_sha != pull.head_sha:
            await mark_outdated(self._forge, pull.number, CommentMarker(PURPOSE), pull.head_sha, _OUTDATED)
        ref = self._forge.kind.head_ref(pull.number)
        await asyncio.to_thread(repository.fetch_ref, ref, pull.head_sha)
        planned = await plan_pull_request(
            self._services, repository, pull, state, self._refusal, self._planned.get(pull.number)
        )
        self._planned[pull.number] = planned
        return planned

    async def _closed(self, number: int, followed: str) -> None:
        """A pull request is no longer listed: after a merge its comment tells of the delivery."""
        try:
            pull = await self._forge.pull_request(number)
        except ForgeLimited:
            raise
        except ForgeRejected as error:
            log.info("pull_request.gone", number=number, code=error.code)
            del self._planned[number]
            return
        except PenstockError as error:
            log.warning("pull_request.failed", number=number, code=error.code, error=error.message)
            return
        if pull.state is PullRequestState.OPEN and pull.base_branch == followed:
            return  # it was opened again
        planned = self._planned.pop(number)
        if pull.state is PullRequestState.MERGED and pull.base_branch == followed:
            self._merged.add(pull, planned.review, posted=planned.posted)

    def _hold(self, repository: Repository) -> None:
        """Take or keep the lease. Raises LeaseHeld while another controller has it."""
        settings = self._services.settings
        name = f"pull requests of {self._place} for {repository.followed}"[:255]
        ttl_s = max(_SHORTEST_LEASE_S, _LEASE_INTERVALS * settings.poll_interval)
        self._lease = self._services.store.leases.acquire(name, self._services.holder, ttl_s=ttl_s)
        self._elsewhere = False

    def _release(self) -> None:
        """Let another controller take over at once."""
        if self._lease is None:
            return
        try:
            self._services.store.leases.release(self._lease)
        except StoreFailed as error:
            log.warning("pull_requests.not_released", error=error.message)
