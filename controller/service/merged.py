"""Follows merged pull requests: their comment tells how the delivery went, and their reviews can approve the plan.

A review approves a plan only where the operator wants that (`PENSTOCK_APPROVALS=review`), `sync.mode` is `manual`, and
all of this holds: the head that was merged is the head that was approved; the reviewer may write to the repository and
did not open the pull request; the approval was not dismissed; the revision to deliver is the merge itself; and the plan
is the one in the comment, by its digest. Otherwise the plan waits for `penstock approve` as always.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from controller.delivery.result import Outcome
from controller.domain.errors import NotConfirmed, PenstockError, Refused, Waiting
from controller.domain.status import StepState
from controller.forges.comment import CommentMarker, CommentText, publish_comment
from controller.forges.port import CommitStatus, Forge, PullRequest, StatusState
from controller.planning.rendering.escaping import code, escape
from controller.questions.decisions import approve_plan
from controller.questions.pull_request_comment import PURPOSE, PlanReview
from controller.reconcile.report import PassReport
from controller.reconcile.services import Services

log = structlog.get_logger()

DELIVERY_CONTEXT = "penstock/delivery"
_FOLLOWED_FOR = timedelta(days=2)
"""After that a merge is no longer followed, delivered or not."""


@dataclass(frozen=True, slots=True)
class Workers:
    """What the controller at work tells and takes."""

    manual: Callable[[str], bool]
    """Whether an organisation's `sync.mode` is `manual`."""
    is_ancestor: Callable[[str, str], bool]
    """Whether the first commit is in the history of the second."""
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
    approvers: list[str] = field(default_factory=list)
    told: dict[str, tuple[StatusState, str]] = field(default_factory=dict)
    """What is known of the delivery, by organisation."""
    posted: str = ""

    @property
    def ended(self) -> bool:
        """Whether every organisation of the plan has its result."""
        done = {name for name, (state, _) in self.told.items() if state is not StatusState.PENDING}
        return self.digests.keys() <= done


class MergedPullRequests:
    """The merges of the last days whose deliveries are not at their end."""

    def __init__(self, services: Services, forge: Forge, workers: Workers) -> None:
        self._services = services
        self._forge = forge
        self._workers = workers
        self._merges: dict[int, _Merge] = {}
        self._last: dict[str, PassReport] = {}

    async def add(self, pull: PullRequest, review: PlanReview) -> None:
        """Follow the delivery of a pull request that was just merged."""
        if pull.merge_sha is None:
            return
        digests = {view.plan.organization: view.plan.digest for view in review.views if review.checked}
        merge = _Merge(pull, pull.merge_sha, digests, self._services.clock.now())
        if self._services.settings.approvals == "review":
            merge.approvers = await self._approvers(pull)
        self._merges[pull.number] = merge
        for report in list(self._last.values()):
            self.looked(report)

    def looked(self, report: PassReport) -> None:
        """Take note of a pass, which may be the delivery of a merge."""
        self._last[report.organization] = report
        for merge in self._merges.values():
            if report.revision is None or report.organization not in merge.digests:
                continue
            if report.revision == merge.merge_sha or self._workers.is_ancestor(merge.merge_sha, report.revision):
                self._approve(merge, report)
                merge.told[report.organization] = _told(report)

    async def post(self) -> None:
        """Write what is new into the comments, and forget what is at its end."""
        now = self._services.clock.now()
        for number, merge in list(self._merges.items()):
            body = _markdown(merge)
            if merge.told and body != merge.posted:
                await self._write(merge, body)
            if merge.ended or now - merge.at > _FOLLOWED_FOR:
                del self._merges[number]

    async def _write(self, merge: _Merge, body: str) -> None:
        number, state = merge.pull.number, _state(merge)
        status = CommitStatus(state, DELIVERY_CONTEXT, "; ".join(text for _, text in merge.told.values()))
        try:
            text = CommentText(body=body, head_sha=merge.pull.head_sha)
            await publish_comment(self._forge, number, CommentMarker(PURPOSE), text)
            await self._forge.set_status(merge.merge_sha, status, ref=merge.pull.base_branch)
        except PenstockError as error:
            log.warning("pull_request.failed", number=number, code=error.code, error=error.message)
            return
        merge.posted = body
        log.info("pull_request.delivered", number=number, state=state.value)

    async def _approvers(self, pull: PullRequest) -> list[str]:
        """The people whose review counts for the head that was merged."""
        found = []
        for approval in await self._forge.approvals(pull.number):
            counts = not approval.dismissed and approval.head_sha == pull.head_sha
            own = approval.author.lower() == pull.author.lower()
            if counts and not own and await self._forge.may_write(approval.author):
                found.append(approval.author)
        return found

    def _approve(self, merge: _Merge, report: PassReport) -> None:
        """Approve the plan of the pass by the reviews, if it waits for that and is the plan that was reviewed."""
        plan = report.plan
        waits = isinstance(report.error, NotConfirmed) and plan is not None
        if not (merge.approvers and waits and plan is not None and report.revision == merge.merge_sha):
            return
        if not self._workers.manual(report.organization):
            return
        if plan.digest != merge.digests[report.organization]:
            log.warning(
                "pull_request.plan_moved",
                number=merge.pull.number,
                organization=report.organization,
                hint=f"approve it with `penstock approve {plan.digest}`",
            )
            return
        by = f"{', '.join(merge.approvers)} (review of pull request {merge.pull.number})"
        approve_plan(self._services, report.organization, plan.digest, by=by)
        log.info("pull_request.approved", number=merge.pull.number, organization=report.organization, by=by)
        self._workers.again(report.organization, f"approved in pull request {merge.pull.number}")


def _told(report: PassReport) -> tuple[StatusState, str]:
    """The delivery by one pass, for people."""
    name, result = report.organization, report.result
    if result is None:
        if report.error is not None:
            waits = isinstance(report.error, Waiting | Refused)
            return StatusState.PENDING if waits else StatusState.ERROR, f"{name}: {report.error.message}"
        state = StatusState.SUCCESS if report.delivered else StatusState.PENDING
        return state, f"{name}: {'in sync' if report.delivered else f'{len(report.blocked)} blocked'}"
    counts = Counter(_WORDS.get(step.state, step.state.value) for step in result.steps)
    words = ", ".join(f"{count} {word}" for word, count in counts.items()) or "nothing to do"
    return _STATES.get(result.outcome, StatusState.FAILURE), f"{name}: {result.outcome.value} ({words})"


_WORDS = {StepState.RECORDED: "done", StepState.EXPORTED: "done", StepState.HEALTHY: "done"}
_STATES = {
    Outcome.SUCCEEDED: StatusState.SUCCESS,
    Outcome.INCOMPLETE: StatusState.PENDING,
    Outcome.UNDETERMINED: StatusState.PENDING,
    Outcome.STOPPED: StatusState.PENDING,
    Outcome.PAUSED: StatusState.PENDING,
}


def _state(merge: _Merge) -> StatusState:
    """The state over all organisations: the worst that is known."""
    found = {state for state, _ in merge.told.values()}
    worst = next((each for each in (StatusState.FAILURE, StatusState.ERROR) if each in found), None)
    return worst or (StatusState.SUCCESS if merge.ended and StatusState.PENDING not in found else StatusState.PENDING)


def _markdown(merge: _Merge) -> str:
    merged = f"Merged into {escape(merge.pull.base_branch)} as {code(merge.merge_sha)}.\n\n"
    lines = [f"- {_SIGNS[state]} {escape(text)}\n" for _, (state, text) in sorted(merge.told.items())]
    waiting = sorted(merge.digests.keys() - merge.told.keys())
    lines += [f"- {_SIGNS[StatusState.PENDING]} {escape(name)}: not delivered yet\n" for name in waiting]
    return f"### Penstock delivery\n\n{merged}{''.join(lines)}"


_SIGNS = {
    StatusState.PENDING: "⏳",
    StatusState.SUCCESS: "✅",
    StatusState.FAILURE: "❌",
    StatusState.ERROR: "⚠️",
}
