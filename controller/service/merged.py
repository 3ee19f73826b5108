"""Follows merged pull requests: their comment tells how the delivery went, and their reviews can approve the plan.

A review approves a plan only where the operator wants that (`PENSTOCK_APPROVALS=review`), `sync.mode` is `manual`, and
all of this holds: the head that was merged is the head that was approved; the reviewer may write to the repository and
did not open the pull request; the approval was not dismissed; the revision to deliver is the merge itself; and the plan
is the one in the comment, by its digest. Otherwise the plan waits for `penstock approve` as always.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from controller.domain.errors.branches import PenstockError
from controller.domain.errors.forge import ForgeLimited, ForgeRejected
from controller.forges.comment import CommentMarker, CommentText, publish_comment
from controller.forges.port import CommitStatus, Forge, PullRequest, StatusState
from controller.planning.rendering.escaping import code, escape
from controller.questions.decisions import approve_plan
from controller.questions.pull_request_comment import PURPOSE, PlanReview
from controller.reconcile.services import Services
from controller.service.pass_news import PassNews

log = structlog.get_logger()

DELIVERY_CONTEXT = "penstock/delivery"
_FOLLOWED_FOR = timedelta(days=2)
"""After that a merge is no longer followed, delivered or not."""
_NAMED = 3
"""The reviewers that an approval names at most; the store takes 255 characters."""


@dataclass(frozen=True, slots=True)
class Workers:
    """What the controller at work tells and takes."""

    manual: Callable[[str], bool]
    """Whether an organisation's `sync.mode` is `manual`."""
    is_ancestor: Callable[[str, str], bool]
    """Whether the first commit is in the history of the second. Blocks while git runs."""
    again: Callable[[str, str], None]
    """Run another pass over an organisation, for this reason."""


@dataclass(slots=True)
class _Merge:
    """One merged pull request."""

    pull: PullRequest
    merge_sha: str
    digests: dict[str, str]
    """The digest of the plan in the comment, by organisation."""
    at: datetime
    approvers: list[str] | None = None
    """The people with a review that counts; None until the forge was asked."""
    judged: dict[str, str] = field(default_factory=dict)
    """The digest of the last plan that was compared with the comment's, by organisation."""
    outcomes: dict[str, tuple[StatusState, str]] = field(default_factory=dict)
    """The known facts about the delivery, by organisation."""
    posted: str = ""

    def waits_for(self, organization: str) -> bool:
        """Whether the organisation belongs to the plan, and its delivery has not ended."""
        outcome = self.outcomes.get(organization)
        return organization in self.digests and (outcome is None or outcome[0] not in _ENDS)

    @property
    def ended(self) -> bool:
        """Whether every organisation of the plan has its result."""
        return not any(self.waits_for(each) for each in self.digests)


class MergedPullRequests:
    """The merges of the last days with an unfinished delivery."""

    def __init__(self, services: Services, forge: Forge, workers: Workers) -> None:
        self._services = services
        self._forge = forge
        self._workers = workers
        self._merges: dict[int, _Merge] = {}
        self._last: dict[str, tuple[PassNews, ...]] = {}
        """The last pass over each organisation, after the last one that delivered something."""

    def add(self, pull: PullRequest, review: PlanReview, *, posted: bool) -> None:
        """Follow the delivery of a pull request that was just merged. Without changes there is nothing to follow.

        `posted` is whether the comment shows the review: a plan that was not shown cannot have been approved.
        """
        digests = {view.plan.organization: view.plan.digest for view in review.views if not view.quiet}
        if pull.merge_sha is None or not digests:
            return
        merge = _Merge(pull, pull.merge_sha, digests, self._services.clock.now())
        if self._services.settings.approvals != "review" or not posted:
            merge.approvers = []
        self._merges[pull.number] = merge

    def forget(self) -> None:
        """Another controller follows the merges now."""
        self._merges.clear()

    def looked(self, news: PassNews) -> bool:
        """Take note of a pass; returns whether it may be the delivery of a merge, so that `post` has work."""
        before = self._last.get(news.organization, ())
        delivered = [each for each in (*before, news) if each.delivered][-1:]
        self._last[news.organization] = tuple({id(each): each for each in (*delivered, news)}.values())
        return any(merge.waits_for(news.organization) for merge in self._merges.values())

    async def post(self) -> None:
        """Update the comments, and forget the merges whose deliveries have ended. Raises ForgeLimited."""
        now = self._services.clock.now()
        for number, merge in list(self._merges.items()):
            try:
                await self._follow(merge)
            except ForgeLimited:
                raise
            except PenstockError as error:
                log.warning("pull_request.failed", number=number, code=error.code, error=error.message)
                if now - merge.at <= _FOLLOWED_FOR:
                    continue
            if merge.ended or now - merge.at > _FOLLOWED_FOR:
                self._merges.pop(number, None)

    async def _follow(self, merge: _Merge) -> None:
        if merge.approvers is None:
            merge.approvers = await self._approvers(merge.pull)
        for organization in merge.digests:
            for news in self._last.get(organization, ()):
                if merge.waits_for(organization) and await self._holds(news, merge):
                    self._approve(merge, news)
                    merge.outcomes[organization] = news.state, news.text
        body = _markdown(merge)
        if merge.outcomes and body != merge.posted:
            await self._write(merge, body)

    async def _holds(self, news: PassNews, merge: _Merge) -> bool:
        """Whether the revision of the pass has the merge in its history."""
        if news.revision is None or news.revision == merge.merge_sha:
            return news.revision is not None
        return await asyncio.to_thread(self._workers.is_ancestor, merge.merge_sha, news.revision)

    async def _write(self, merge: _Merge, body: str) -> None:
        number, state = merge.pull.number, _state(merge)
        status = CommitStatus(state, DELIVERY_CONTEXT, "; ".join(text for _, text in merge.outcomes.values()))
        text = CommentText(body=body, head_sha=merge.pull.head_sha)
        await self._forge.set_status(merge.merge_sha, status, ref=merge.pull.base_branch)
        await publish_comment(self._forge, number, CommentMarker(PURPOSE), text)
        merge.posted = body
        log.info("pull_request.delivered", number=number, state=state.value)

    async def _approvers(self, pull: PullRequest) -> list[str]:
        """The people with a review that counts for the merged head; none where the forge refuses to tell."""
        found = []
        try:
            for approval in await self._forge.approvals(pull.number):
                counts = not approval.dismissed and approval.head_sha == pull.head_sha
                own = approval.author.lower() == pull.author.lower()
                if counts and not own and await self._forge.may_write(approval.author):
                    found.append(approval.author)
        except ForgeRejected as error:
            log.warning("pull_request.reviews_unread", number=pull.number, code=error.code, error=error.message)
            return []
        return found

    def _approve(self, merge: _Merge, news: PassNews) -> None:
        """Approve the plan of the pass by the reviews, if it waits for that and is the plan that was reviewed."""
        name, digest, number = news.organization, news.digest, merge.pull.number
        if not merge.approvers or digest is None or not news.waits or not self._workers.manual(name):
            return
        if news.revision != merge.merge_sha or merge.judged.get(name) == digest:
            return
        merge.judged[name] = digest
        if digest != merge.digests[name]:
            hint = f"approve it with `penstock approve {digest}`"
            log.warning("pull_request.plan_moved", number=number, organization=name, hint=hint)
            return
        by = f"{', '.join(merge.approvers[:_NAMED])} (review of pull request {number})"
        approve_plan(self._services, name, digest, by=by)
        log.info("pull_request.approved", number=number, organization=name, by=by)
        self._workers.again(name, f"approved in pull request {number}")


_ENDS = (StatusState.SUCCESS, StatusState.FAILURE)
"""After an error the worker tries again."""


def _state(merge: _Merge) -> StatusState:
    """The state over all organisations: the worst that is known."""
    found = {state for state, _ in merge.outcomes.values()}
    worst = next((each for each in (StatusState.FAILURE, StatusState.ERROR) if each in found), None)
    return worst or (StatusState.SUCCESS if merge.ended and StatusState.PENDING not in found else StatusState.PENDING)


def _markdown(merge: _Merge) -> str:
    merged = f"Merged into {escape(merge.pull.base_branch)} as {code(merge.merge_sha)}.\n\n"
    lines = [f"- {_SIGNS[state]} {escape(text)}\n" for _, (state, text) in sorted(merge.outcomes.items())]
    waiting = sorted(merge.digests.keys() - merge.outcomes.keys())
    lines += [f"- {_SIGNS[StatusState.PENDING]} {escape(name)}: not delivered yet\n" for name in waiting]
    return f"### Penstock delivery\n\n{merged}{''.join(lines)}"


_SIGNS = {
    StatusState.PENDING: "⏳",
    StatusState.SUCCESS: "✅",
    StatusState.FAILURE: "❌",
    StatusState.ERROR: "⚠️",
}
