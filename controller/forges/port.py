"""The port to a forge, and its values: what Penstock reads of pull requests, and what it writes where people review.

The clients of GitHub, GitLab and Gitea implement it. "Pull request" is also GitLab's merge request, and its number is
GitLab's `iid`. Every text of these values was written by strangers: renderers have to escape it.

Every operation may raise ForgeUnavailable, ForgeLimited, ForgeRejected or a leaf of it (ForgeTooLarge,
ForgeLoginFailed, ForgePermissionMissing, ForgeNotFound), HostNotAllowed, and no others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class ForgeKind(StrEnum):
    """The product that a forge runs."""

    GITHUB = "github"
    """github.com, GitHub Enterprise Cloud and GitHub Enterprise Server."""
    GITLAB = "gitlab"
    GITEA = "gitea"
    """Gitea and Forgejo, which has the same API."""

    def head_ref(self, number: int) -> str:
        """The ref of the base repository under which git finds the head of a pull request, also of one from a fork."""
        if self is ForgeKind.GITLAB:
            return f"refs/merge-requests/{number}/head"
        return f"refs/pull/{number}/head"


class PullRequestState(StrEnum):
    """Whether a pull request can still be merged."""

    OPEN = "open"
    CLOSED = "closed"
    """Closed without a merge."""
    MERGED = "merged"


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequest:
    """A pull request as the forge described it at one moment."""

    number: int
    title: str
    author: str
    """The login of the account that opened it."""
    base_branch: str
    base_sha: str | None
    """The commit that the forge compares with; None where it does not tell, as in GitLab's lists.

    It may be older than the tip of the base branch: read the tip from git.
    """
    head_branch: str
    head_sha: str
    head_repository: str | None
    """`OWNER/NAME` of the repository of the head; None when it was deleted or the forge does not tell."""
    from_fork: bool
    """Whether the head is in another repository than the base; also true when that repository was deleted."""
    draft: bool
    state: PullRequestState
    merge_sha: str | None
    """The commit on the base branch that holds the change; None unless it is merged."""
    url: str
    """The page for people."""
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment in the conversation of a pull request; reviews and messages of the forge itself are none."""

    id: int
    author: str
    """The login of the account that wrote it."""
    body: str
    """Markdown, as it was written."""


class StatusState(StrEnum):
    """The result that a commit status shows."""

    PENDING = "pending"
    SUCCESS = "success"
    FAILURE = "failure"
    """Something in the change is wrong or refused."""
    ERROR = "error"
    """No result: the check itself failed."""


@dataclass(frozen=True, slots=True)
class CommitStatus:
    """The status of one commit under one context; a later status of the same context replaces an earlier one."""

    state: StatusState
    context: str
    """Such as `penstock/plan`: the name that branch protection asks for."""
    description: str
    """One line; a longer one than the forge takes (140 characters on GitHub, 255 on GitLab) is cut."""
    target_url: str | None = None


class AnnotationLevel(StrEnum):
    """How serious an annotation is, in GitHub's words."""

    NOTICE = "notice"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class ForgeAnnotation:
    """A message at a line of a file."""

    path: str
    """Relative to the root of the repository."""
    line: int
    """From 1."""
    column: int | None
    """From 1."""
    level: AnnotationLevel
    message: str
    title: str


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a check run shows next to its annotations."""

    name: str
    """Such as `penstock/validate`."""
    state: StatusState
    title: str
    summary: str
    """Markdown, at most 65,535 characters; a longer one is cut."""


@dataclass(frozen=True, slots=True)
class ForgeApproval:
    """The last decision of one reviewer who approved at some time. People who never approved have none."""

    author: str
    head_sha: str | None
    """The head that was approved; None where the forge does not tell, and then it proves nothing about any head."""
    dismissed: bool
    """Whether it no longer counts: dismissed, withdrawn, or followed by a request for changes of the same person."""


class Checks(Protocol):
    """Check runs, which only GitHub has, and only for the token of an app or of GitHub Actions."""

    async def annotate(self, sha: str, annotations: Sequence[ForgeAnnotation], result: CheckResult) -> None:
        """Show the result and all annotations at a commit, in as many calls as the forge needs (50 in each)."""


class Forge(Protocol):
    """One repository on one forge, as one account."""

    @property
    def kind(self) -> ForgeKind:
        """The product."""

    @property
    def repository(self) -> str:
        """`OWNER/NAME`; GitLab also has `GROUP/SUBGROUP/NAME`. After a rename it is the new name."""

    @property
    def comment_limit(self) -> int:
        """The characters that one comment holds at most, its marker included."""

    @property
    def checks(self) -> Checks | None:
        """Check runs; None where the forge or the token has none."""

    async def login(self) -> str | None:
        """The login under which comments are written; None when the forge does not tell. Asked once, then kept."""

    async def pull_request(self, number: int) -> PullRequest:
        """One pull request. Raises ForgeNotFound when there is none of this number."""

    async def open_pull_requests(self) -> Sequence[PullRequest]:
        """All open pull requests, those that changed last first."""

    async def find_pull_request(self, head: str, base: str) -> PullRequest | None:
        """The open pull request between two branches of this repository; None when there is none."""

    async def open_pull_request(self, head: str, base: str, title: str, body: str) -> PullRequest:
        """Open a pull request between two branches of this repository.

        Raises ForgeRejected when one is open already.
        """

    async def update_pull_request(self, number: int, title: str, body: str) -> PullRequest:
        """Replace title and description."""

    async def comments(self, number: int) -> Sequence[Comment]:
        """All comments of a pull request, the oldest first."""

    async def add_comment(self, number: int, body: str) -> Comment:
        """Write a comment. Raises ForgeTooLarge for a body over `comment_limit`."""

    async def update_comment(self, number: int, comment_id: int, body: str) -> Comment:
        """Replace a comment's body. Raises ForgeNotFound when it was deleted."""

    async def delete_comment(self, number: int, comment_id: int) -> None:
        """Delete a comment; one that is gone already is no error."""

    async def set_status(self, sha: str, status: CommitStatus, *, ref: str | None = None) -> None:
        """Set a commit's status.

        `ref` is a branch or ref that holds the commit. GitLab needs it for a commit of a fork, which no branch of this
        repository holds: give `head_branch`.
        """

    async def approvals(self, number: int) -> Sequence[ForgeApproval]:
        """The reviewers who approved, each with the last decision, the earliest first."""

    async def may_write(self, user: str) -> bool:
        """Whether an account may push to the repository; false for an account that does not exist."""

    async def aclose(self) -> None:
        """Close the connections."""
