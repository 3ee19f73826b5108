"""Gitea's and Forgejo's REST API, version 1."""

from __future__ import annotations

import re
from collections.abc import Sequence

from controller.domain.errors.forge import ForgeNotFound, ForgePermissionMissing
from controller.forges.approvals import Review, ReviewVerdict, approvals_of
from controller.forges.call import ForgeCall
from controller.forges.calls import Paging, leads
from controller.forges.github_wire import GitHubAccount, GitHubBranch, GitHubRepository, PullRequestShape
from controller.forges.port import Comment, CommitStatus, ForgeApproval, ForgeKind, PullRequest
from controller.forges.repository_forge import CommentApi, CommentModel, RepositoryForge
from controller.forges.text import cut, inert
from controller.forges.wire import ForgeModel

_REPOSITORY = "/repos/{repository}"
_COMMENTS = "/repos/{repository}/issues/{number}/comments"
_COMMENT = "/repos/{repository}/issues/comments/{comment}"
_PULLS = "/repos/{repository}/pulls"
_PULL = "/repos/{repository}/pulls/{number}"
_READ = "scope read:repository"
_WRITE = "scope write:repository"
_COMMENT_READ = "scope read:issue"
_TITLE = 255
_VERDICTS = {"APPROVED": ReviewVerdict.APPROVED, "REQUEST_CHANGES": ReviewVerdict.REJECTED}
_GHOST = "Ghost"
"""What Gitea shows for an account that was deleted."""
_UNFINISHED = re.compile(r"\s*(?:WIP:|\[WIP\])", re.IGNORECASE)
"""How titles of drafts begin, for versions that tell no `draft`."""


class GiteaBranch(GitHubBranch):
    """The head or base of a pull request; the repository is absent after it was deleted."""

    repo: GitHubRepository | None = None


class GiteaPullRequest(PullRequestShape):
    """A pull request of Gitea."""

    user: GitHubAccount | None = None
    base: GiteaBranch
    head: GiteaBranch
    draft: bool | None = None
    merged: bool = False

    def value(self) -> PullRequest:
        """As the port's value."""
        draft = bool(_UNFINISHED.match(self.title)) if self.draft is None else self.draft
        return self.as_value(gitea_login(self.user), merged=self.merged, draft=draft)


class GiteaComment(CommentModel):
    """A comment in the conversation."""

    id: int
    user: GitHubAccount | None = None
    body: str | None = ""

    def value(self) -> Comment:
        """As the port's value."""
        return Comment(self.id, gitea_login(self.user), self.body or "")


class GiteaReview(ForgeModel):
    """A review; `user` is null for a review that was asked of a team."""

    user: GitHubAccount | None = None
    state: str
    commit_id: str | None = None
    dismissed: bool = False


def gitea_login(user: GitHubAccount | None) -> str:
    """The login; that of the ghost for a deleted account."""
    return user.login if user else _GHOST


class GiteaForge(RepositoryForge):
    """A repository on Gitea or Forgejo. Implements `Forge`."""

    kind = ForgeKind.GITEA
    comment_limit = 250_000
    """Gitea has no limit of its own. At four bytes a character this fits the usual limit of a proxy, one megabyte."""

    route = _REPOSITORY
    paging = Paging("limit", 50)
    comment_api = CommentApi(
        _COMMENTS, _COMMENT, "PATCH", GiteaComment, permission="scope write:issue", noun="pull request"
    )

    async def pull_request(self, number: int) -> PullRequest:
        call = ForgeCall("GET", _PULL, {"number": number}, permission=_READ, what=self._named(number))
        return (await self._calls.fetch(call, GiteaPullRequest)).value()

    async def open_pull_requests(self) -> Sequence[PullRequest]:
        # By age, so that a change between two pages moves nothing from one to the other.
        call = ForgeCall("GET", _PULLS, query={"state": "open", "sort": "oldest"}, permission=_READ)
        found = {each.number: each.value() for each in await self._calls.listing(call, GiteaPullRequest)}
        return sorted(found.values(), key=lambda each: each.updated_at, reverse=True)

    async def find_pull_request(self, head: str, base: str) -> PullRequest | None:
        # Gitea's own search by branches also finds closed ones, and knows no state.
        return next((each for each in await self.open_pull_requests() if leads(each, head, base)), None)

    async def open_pull_request(self, head: str, base: str, title: str, body: str) -> PullRequest:
        content = {"head": head, "base": base, "title": cut(title, _TITLE), "body": inert(body)}
        call = ForgeCall("POST", _PULLS, body=content, permission=_WRITE, repeatable=False)
        return (await self._calls.fetch(call, GiteaPullRequest)).value()

    async def update_pull_request(self, number: int, title: str, body: str) -> PullRequest:
        content = {"title": cut(title, _TITLE), "body": inert(body)}
        call = ForgeCall("PATCH", _PULL, {"number": number}, body=content, permission=_WRITE, what=self._named(number))
        return (await self._calls.fetch(call, GiteaPullRequest)).value()

    async def comments(self, number: int) -> Sequence[Comment]:
        call = ForgeCall("GET", _COMMENTS, {"number": number}, permission=_COMMENT_READ, what=self._named(number))
        found = {each.id: each.value() for each in await self._calls.whole_list(call, GiteaComment)}
        return [found[each] for each in sorted(found)]

    async def set_status(self, sha: str, status: CommitStatus, *, ref: str | None = None) -> None:  # noqa: ARG002 - the port's
        content = {
            "state": status.state.value,
            "context": status.context,
            "description": " ".join(status.description.split()),
        }
        await self._send_status(sha, status, content, permission=_WRITE)

    async def approvals(self, number: int) -> Sequence[ForgeApproval]:
        call = ForgeCall("GET", f"{_PULL}/reviews", {"number": number}, permission=_READ, what=self._named(number))
        reviews = await self._calls.listing(call, GiteaReview)
        return approvals_of(
            Review(gitea_login(each.user), _verdict(each), each.commit_id) for each in reviews if each.user is not None
        )

    async def may_write(self, user: str) -> bool:
        needs = "administrator of the repository, which Gitea demands for the permissions of others"
        return await self._has_permission(user, ("owner", "admin", "write"), needs=needs)

    async def _find_login(self) -> str | None:
        """None for a token without the scope `read:user`."""
        try:
            return (await self._calls.fetch(ForgeCall("GET", "/user"), GitHubAccount)).login
        except (ForgePermissionMissing, ForgeNotFound):
            return None


def _verdict(review: GiteaReview) -> ReviewVerdict:
    """A dismissed request for changes is no approval, so it counts for nothing."""
    verdict = _VERDICTS.get(review.state, ReviewVerdict.NONE)
    if not review.dismissed:
        return verdict
    return ReviewVerdict.DISMISSED if verdict is ReviewVerdict.APPROVED else ReviewVerdict.NONE
