"""GitLab's REST API, version 4: gitlab.com and self-managed instances. First its answers, as far as they are used."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from controller.domain.errors.forge import ForgeNotFound, ForgePermissionMissing, ForgeRejected
from controller.forges.call import ForgeCall
from controller.forges.calls import Paging, leads
from controller.forges.port import (
    Comment,
    CommitStatus,
    ForgeApproval,
    ForgeKind,
    PullRequest,
    PullRequestState,
    StatusState,
)
from controller.forges.repository_forge import CommentApi, CommentModel, RepositoryForge
from controller.forges.text import cut, inert
from controller.forges.wire import ForgeModel

_PROJECT = "/projects/{repository}"
_REQUESTS = "/projects/{repository}/merge_requests"
_REQUEST = "/projects/{repository}/merge_requests/{number}"
_NOTES = "/projects/{repository}/merge_requests/{number}/notes"
_NOTE = "/projects/{repository}/merge_requests/{number}/notes/{comment}"
_READ = "scope read_api, role Reporter"
_DEVELOP = "scope api, role Developer"
_DEVELOPER = 30
"""The access level from which members may push."""
_DESCRIPTION = 255
_TITLE = 255
_STATES = {
    StatusState.PENDING: "pending",
    StatusState.SUCCESS: "success",
    StatusState.FAILURE: "failed",
    StatusState.ERROR: "failed",
}
_SAME_STATE = "Cannot transition status"
"""What GitLab says with 400 when a pending status is set to pending: an old bug that is not going to be fixed."""
_APPROVED = "approved this merge request"
_REQUEST_STATES = {"opened": PullRequestState.OPEN, "locked": PullRequestState.OPEN, "merged": PullRequestState.MERGED}
"""`locked` lasts as long as a merge is going on."""


class GitLabAccount(ForgeModel):
    """A user; also the bot behind a token of a project or group."""

    username: str


class GitLabDiffRefs(ForgeModel):
    """The commits between which GitLab compares."""

    base_sha: str | None = None


class GitLabMergeRequest(ForgeModel):
    """A merge request, in lists (without `diff_refs`) and alone."""

    iid: int
    title: str
    author: GitLabAccount
    target_branch: str
    source_branch: str
    project_id: int
    source_project_id: int | None
    sha: str | None
    diff_refs: GitLabDiffRefs | None = None
    draft: bool = False
    state: str
    merge_commit_sha: str | None = None
    squash_commit_sha: str | None = None
    web_url: str
    updated_at: datetime

    def value(self, repository: str) -> PullRequest:
        """As the port's value; a merge request without commits has an empty head."""
        state = _REQUEST_STATES.get(self.state, PullRequestState.CLOSED)
        from_fork = self.source_project_id != self.project_id
        merged = self.merge_commit_sha or self.squash_commit_sha or self.sha  # the last for a fast-forward
        return PullRequest(
            number=self.iid,
            title=self.title,
            author=self.author.username,
            base_branch=self.target_branch,
            base_sha=self.diff_refs.base_sha if self.diff_refs else None,
            head_branch=self.source_branch,
            head_sha=self.sha or "",
            head_repository=None if from_fork else repository,
            from_fork=from_fork,
            draft=self.draft,
            state=state,
            merge_sha=merged if state is PullRequestState.MERGED else None,
            url=self.web_url,
            updated_at=self.updated_at,
        )


class GitLabNote(CommentModel):
    """A note of a merge request: a comment, or a message of GitLab itself (`system`)."""

    id: int
    author: GitLabAccount
    body: str | None = ""
    system: bool = False
    created_at: datetime

    def value(self) -> Comment:
        """As the port's value."""
        return Comment(self.id, self.author.username, self.body or "")


class GitLabApprover(ForgeModel):
    """One approval; only newer versions of GitLab tell its time."""

    user: GitLabAccount
    approved_at: datetime | None = None


class GitLabApprovals(ForgeModel):
    """The approvals that count now; a withdrawn one is missing."""

    approved_by: tuple[GitLabApprover, ...] = ()


class GitLabVersion(ForgeModel):
    """One push to the merge request."""

    head_commit_sha: str | None = None
    created_at: datetime


class GitLabMember(ForgeModel):
    """A member of the project, its groups, or a group that was invited."""

    username: str
    access_level: int
    state: str = "active"


class GitLabForge(RepositoryForge):
    """A project on GitLab. Implements `Forge`."""

    kind = ForgeKind.GITLAB
    comment_limit = 1_000_000

    route = _PROJECT
    paging = Paging("per_page", 100)
    comment_api = CommentApi(
        _NOTES, _NOTE, "PUT", GitLabNote, permission="scope api, role Reporter", noun="merge request"
    )

    async def pull_request(self, number: int) -> PullRequest:
        call = ForgeCall("GET", _REQUEST, {"number": number}, permission=_READ, what=self._named(number))
        found = (await self._calls.fetch(call, GitLabMergeRequest)).value(self.repository)
        if not found.head_sha:
            raise ForgeRejected(f"{self.repository}: {self._named(number)} has no commits")
        return found

    async def open_pull_requests(self) -> Sequence[PullRequest]:
        # By age, so that a change between two pages moves nothing from one to the other.
        found = {each.number: each for each in await self._listed({"order_by": "created_at", "sort": "asc"})}
        return sorted(found.values(), key=lambda each: each.updated_at, reverse=True)

    async def find_pull_request(self, head: str, base: str) -> PullRequest | None:
        found = await self._listed({"source_branch": head, "target_branch": base})
        return next((each for each in found if leads(each, head, base)), None)

    async def open_pull_request(self, head: str, base: str, title: str, body: str) -> PullRequest:
        content = {
            "source_branch": head,
            "target_branch": base,
            "title": cut(title, _TITLE),
            "description": inert(body),
        }
        call = ForgeCall("POST", _REQUESTS, body=content, permission=_DEVELOP, repeatable=False)
        return (await self._calls.fetch(call, GitLabMergeRequest)).value(self.repository)

    async def update_pull_request(self, number: int, title: str, body: str) -> PullRequest:
        content = {"title": cut(title, _TITLE), "description": inert(body)}
        call = ForgeCall(
            "PUT", _REQUEST, {"number": number}, body=content, permission=_DEVELOP, what=self._named(number)
        )
        return (await self._calls.fetch(call, GitLabMergeRequest)).value(self.repository)

    async def comments(self, number: int) -> Sequence[Comment]:
        return [each.value() for each in await self._notes(number) if not each.system]

    async def set_status(self, sha: str, status: CommitStatus, *, ref: str | None = None) -> None:
        content = {
            "state": _STATES[status.state],
            "name": status.context,
            "description": cut(status.description, _DESCRIPTION),
            **({"ref": ref} if ref else {}),
        }
        try:
            await self._send_status(sha, status, content, permission=_DEVELOP)
        except ForgeRejected as error:
            pending_already = status.state is StatusState.PENDING and _SAME_STATE in error.message
            if error.status != 400 or not pending_already:
                raise

    async def approvals(self, number: int) -> Sequence[ForgeApproval]:
        route, path = f"{_REQUEST}/approvals", {"number": number}
        call = ForgeCall("GET", route, path, permission=_READ, what=self._named(number))
        approvers = (await self._calls.fetch(call, GitLabApprovals)).approved_by
        if not approvers:
            return []
        times = {each.user.username: each.approved_at for each in approvers}
        if None in times.values():
            times = await self._times_by_notes(number, times)
        call = ForgeCall("GET", f"{_REQUEST}/versions", path, permission=_READ, what=self._named(number))
        versions = sorted(await self._calls.listing(call, GitLabVersion), key=lambda each: each.created_at)
        return [ForgeApproval(author, _head_at(versions, moment), dismissed=False) for author, moment in times.items()]

    async def may_write(self, user: str) -> bool:
        call = ForgeCall("GET", f"{_PROJECT}/members/all", query={"query": user}, permission=_READ)
        members = await self._calls.listing(call, GitLabMember)
        return any(
            each.username.lower() == user.lower() and each.state == "active" and each.access_level >= _DEVELOPER
            for each in members
        )

    async def _listed(self, query: dict[str, str]) -> list[PullRequest]:
        call = ForgeCall("GET", _REQUESTS, query={"state": "opened", **query}, permission=_READ)
        found = [each.value(self.repository) for each in await self._calls.listing(call, GitLabMergeRequest)]
        return [each for each in found if each.head_sha]

    async def _notes(self, number: int) -> list[GitLabNote]:
        query = {"sort": "asc", "order_by": "created_at"}
        call = ForgeCall("GET", _NOTES, {"number": number}, query, permission=_READ, what=self._named(number))
        found = {each.id: each for each in await self._calls.listing(call, GitLabNote)}
        return [found[each] for each in sorted(found)]

    async def _times_by_notes(self, number: int, times: dict[str, datetime | None]) -> dict[str, datetime | None]:
        """The times of approvals by GitLab's own messages, which older versions tell nowhere else."""
        noted_at = {
            each.author.username: each.created_at
            for each in await self._notes(number)
            if each.system and (each.body or "").lower() == _APPROVED
        }
        return {author: moment or noted_at.get(author) for author, moment in times.items()}

    async def _find_login(self) -> str | None:
        try:
            return (await self._calls.fetch(ForgeCall("GET", "/user"), GitLabAccount)).username
        except (ForgePermissionMissing, ForgeNotFound):
            return None


def _head_at(versions: Sequence[GitLabVersion], moment: datetime | None) -> str | None:
    """The head of the last push before that time. A push that GitLab was still processing does not count."""
    if moment is None:
        return None
    return next((each.head_commit_sha for each in reversed(versions) if each.created_at <= moment), None)
