"""The answers of GitHub's REST API, as far as Penstock uses them. Gitea answers pull requests in the same shape."""

from __future__ import annotations

from datetime import datetime

from controller.forges.port import Comment, PullRequest, PullRequestState
from controller.forges.repository_forge import CommentModel
from controller.forges.wire import ForgeModel

GHOST = "ghost"
"""What GitHub shows for an account that was deleted."""


class GitHubAccount(ForgeModel):
    """A user, organisation or app."""

    login: str


class GitHubRepository(ForgeModel):
    """The repository of a head or base."""

    id: int
    full_name: str


class GitHubBranch(ForgeModel):
    """The head or base of a pull request; the repository is null after it was deleted."""

    ref: str
    sha: str
    repo: GitHubRepository | None


class PullRequestShape(ForgeModel):
    """A pull request, in lists and alone, as GitHub and Gitea give it."""

    number: int
    title: str
    base: GitHubBranch
    head: GitHubBranch
    state: str
    merge_commit_sha: str | None = None
    html_url: str
    updated_at: datetime

    def as_value(self, author: str, *, merged: bool, draft: bool) -> PullRequest:
        """As the port's value, with what each forge tells in its own way."""
        head = self.head.repo
        closed = PullRequestState.OPEN if self.state == "open" else PullRequestState.CLOSED
        return PullRequest(
            number=self.number,
            title=self.title,
            author=author,
            base_branch=self.base.ref,
            base_sha=self.base.sha,
            head_branch=self.head.ref,
            head_sha=self.head.sha,
            head_repository=head.full_name if head else None,
            from_fork=head is None or self.base.repo is None or head.id != self.base.repo.id,
            draft=draft,
            state=PullRequestState.MERGED if merged else closed,
            merge_sha=self.merge_commit_sha if merged else None,
            url=self.html_url,
            updated_at=self.updated_at,
        )


class GitHubPullRequest(PullRequestShape):
    """A pull request of GitHub."""

    user: GitHubAccount | None
    draft: bool = False
    merged_at: datetime | None

    def value(self) -> PullRequest:
        """As the port's value."""
        return self.as_value(login_of(self.user), merged=self.merged_at is not None, draft=self.draft)


class GitHubComment(CommentModel):
    """A comment in the conversation."""

    id: int
    user: GitHubAccount | None
    body: str | None = ""

    def value(self) -> Comment:
        """As the port's value."""
        return Comment(self.id, login_of(self.user), self.body or "")


class GitHubReview(ForgeModel):
    """A review, in the order in which they were submitted."""

    user: GitHubAccount | None
    state: str
    commit_id: str | None = None


class GitHubCheckRun(ForgeModel):
    """A check run."""

    id: int


class GitHubViewer(ForgeModel):
    """GraphQL's answer to who the token belongs to."""

    class Data(ForgeModel):
        viewer: GitHubAccount

    data: Data


def login_of(user: GitHubAccount | None) -> str:
    """The login; that of the ghost for a deleted account."""
    return user.login if user else GHOST
