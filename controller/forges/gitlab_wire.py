"""The answers of GitLab's REST API, version 4, as far as Penstock uses them."""

from __future__ import annotations

from datetime import datetime

from controller.forges.port import Comment, PullRequest, PullRequestState
from controller.forges.repository_forge import CommentModel
from controller.forges.wire import ForgeModel

_STATES = {"opened": PullRequestState.OPEN, "locked": PullRequestState.OPEN, "merged": PullRequestState.MERGED}
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
        state = _STATES.get(self.state, PullRequestState.CLOSED)
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
