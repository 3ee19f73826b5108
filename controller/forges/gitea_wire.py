"""The answers of Gitea's and Forgejo's REST API, version 1, as far as Penstock uses them."""

from __future__ import annotations

import re
from datetime import datetime

from controller.forges.port import Comment, PullRequest, PullRequestState
from controller.forges.wire import ForgeModel

_GHOST = "Ghost"
"""What Gitea shows for an account that was deleted."""
_UNFINISHED = re.compile(r"\s*(?:WIP:|\[WIP\])", re.IGNORECASE)
"""How titles of drafts begin, for versions that tell no `draft`."""


class GiteaAccount(ForgeModel):
    """A user."""

    login: str


class GiteaRepository(ForgeModel):
    """The repository of a head or base."""

    id: int
    full_name: str


class GiteaBranch(ForgeModel):
    """The head or base of a pull request; the repository is null after it was deleted."""

    ref: str
    sha: str
    repo: GiteaRepository | None = None


class GiteaPullRequest(ForgeModel):
    """A pull request, in lists and alone."""

    number: int
    title: str
    user: GiteaAccount | None = None
    base: GiteaBranch
    head: GiteaBranch
    draft: bool | None = None
    state: str
    merged: bool = False
    merge_commit_sha: str | None = None
    html_url: str
    updated_at: datetime

    def value(self) -> PullRequest:
        """As the port's value."""
        head, open_or_closed = self.head.repo, PullRequestState.CLOSED
        if self.state == "open":
            open_or_closed = PullRequestState.OPEN
        return PullRequest(
            number=self.number,
            title=self.title,
            author=gitea_login(self.user),
            base_branch=self.base.ref,
            base_sha=self.base.sha,
            head_branch=self.head.ref,
            head_sha=self.head.sha,
            head_repository=head.full_name if head else None,
            from_fork=head is None or self.base.repo is None or head.id != self.base.repo.id,
            draft=bool(_UNFINISHED.match(self.title)) if self.draft is None else self.draft,
            state=PullRequestState.MERGED if self.merged else open_or_closed,
            merge_sha=self.merge_commit_sha if self.merged else None,
            url=self.html_url,
            updated_at=self.updated_at,
        )


class GiteaComment(ForgeModel):
    """A comment in the conversation."""

    id: int
    user: GiteaAccount | None = None
    body: str | None = ""

    def value(self) -> Comment:
        """As the port's value."""
        return Comment(self.id, gitea_login(self.user), self.body or "")


class GiteaReview(ForgeModel):
    """A review; `user` is null for a review that was asked of a team."""

    user: GiteaAccount | None = None
    state: str
    commit_id: str | None = None
    dismissed: bool = False


class GiteaPermission(ForgeModel):
    """What a user may do: owner, admin, write, read or none."""

    permission: str


def gitea_login(user: GiteaAccount | None) -> str:
    """The login; that of the ghost for a deleted account."""
    return user.login if user else _GHOST
