"""GitHub's REST API, version 2022-11-28: github.com, GitHub Enterprise Cloud and Server."""

from __future__ import annotations

from collections.abc import Sequence

from controller.domain.errors.forge import ForgeNotFound, ForgePermissionMissing, ForgeRejected, ForgeUnavailable
from controller.forges.approvals import Review, ReviewVerdict, approvals_of
from controller.forges.call import ForgeCall
from controller.forges.calls import Paging, RepositoryCalls, checked_sha, leads
from controller.forges.github_wire import (
    GitHubAccount,
    GitHubCheckRun,
    GitHubComment,
    GitHubPullRequest,
    GitHubReview,
    GitHubViewer,
    login_of,
)
from controller.forges.port import (
    CheckResult,
    Checks,
    Comment,
    CommitStatus,
    ForgeAnnotation,
    ForgeApproval,
    ForgeKind,
    PullRequest,
    StatusState,
)
from controller.forges.repository_forge import CommentApi, RepositoryForge
from controller.forges.text import cut, inert

_REPOSITORY = "/repos/{repository}"
_COMMENTS = "/repos/{repository}/issues/{number}/comments"
_COMMENT = "/repos/{repository}/issues/comments/{comment}"
_PULLS = "/repos/{repository}/pulls"
_PULL = "/repos/{repository}/pulls/{number}"
_PULL_PERMISSION = "Pull requests: write"
_DESCRIPTION = 140
_TITLE = 256
_VERDICTS = {
    "APPROVED": ReviewVerdict.APPROVED,
    "CHANGES_REQUESTED": ReviewVerdict.REJECTED,
    "DISMISSED": ReviewVerdict.DISMISSED,
}
_AT_ONCE = 50
"""GitHub takes 50 annotations in one request, and adds those of further requests."""
_MOST = 1000
_CHECK_SUMMARY = 65_535
_ANNOTATION_MESSAGE = 16_000
"""GitHub takes 64 KB: 16,000 characters of up to four bytes."""
_CHECK_TITLE = 255
_CONCLUSIONS = {
    StatusState.SUCCESS: "success",
    StatusState.FAILURE: "failure",
    StatusState.ERROR: "neutral",
}


class GitHubChecks:
    """Implements `Checks`: check runs with annotations at lines of files, for the tokens of apps."""

    def __init__(self, calls: RepositoryCalls) -> None:
        self._calls = calls

    async def annotate(self, sha: str, annotations: Sequence[ForgeAnnotation], result: CheckResult) -> None:
        """Create the check run, then add the further annotations; beyond 1,000 they are left out, and it says so."""
        shown = annotations[:_MOST]
        summary = result.summary
        if len(annotations) > _MOST:
            summary = f"The first {_MOST:,} of {len(annotations):,} annotations are shown.\n\n{summary}"
        output = {"title": cut(result.title, _CHECK_TITLE), "summary": inert(summary)[:_CHECK_SUMMARY]}
        chunks = [shown[at : at + _AT_ONCE] for at in range(0, len(shown), _AT_ONCE)] or [()]
        run = await self._calls.fetch(self._creation(sha, result, _output(output, chunks[0])), GitHubCheckRun)
        for chunk in chunks[1:]:
            call = ForgeCall(
                "PATCH",
                "/repos/{repository}/check-runs/{run}",
                {"run": run.id},
                body={"output": _output(output, chunk)},
                permission="Checks: write",
                what=f"check run {run.id}",
                repeatable=False,  # a repetition would show its annotations twice
            )
            await self._calls.send(call)

    def _creation(self, sha: str, result: CheckResult, output: dict[str, object]) -> ForgeCall:
        conclusion = _CONCLUSIONS.get(result.state)
        state = {"status": "completed", "conclusion": conclusion} if conclusion else {"status": "in_progress"}
        return ForgeCall(
            "POST",
            "/repos/{repository}/check-runs",
            body={"name": result.name, "head_sha": checked_sha(sha), **state, "output": output},
            permission="Checks: write",
            what=f"commit {sha}",
            repeatable=False,
        )


def _output(output: dict[str, str], annotations: Sequence[ForgeAnnotation]) -> dict[str, object]:
    return {**output, "annotations": [_annotation(each) for each in annotations]}


def _annotation(each: ForgeAnnotation) -> dict[str, object]:
    columns = {} if each.column is None else {"start_column": each.column, "end_column": each.column}
    return {
        "path": each.path,
        "start_line": each.line,
        "end_line": each.line,
        **columns,
        "annotation_level": each.level.value,
        "message": inert(each.message)[:_ANNOTATION_MESSAGE],
        "title": cut(each.title, _CHECK_TITLE),
    }


class GitHubForge(RepositoryForge):
    """A repository on GitHub. Implements `Forge`."""

    kind = ForgeKind.GITHUB
    comment_limit = 65_536
    """GitHub answers 422 with "Body is too long (maximum is 65536 characters)" beyond it."""

    route = _REPOSITORY
    paging = Paging("per_page", 100)
    comment_api = CommentApi(
        _COMMENTS, _COMMENT, "PATCH", GitHubComment, permission="Pull requests: write", noun="pull request"
    )

    @property
    def checks(self) -> Checks | None:
        return GitHubChecks(self._calls) if self._transport.tokens.of_an_app else None

    async def pull_request(self, number: int) -> PullRequest:
        call = ForgeCall("GET", _PULL, {"number": number}, permission="Pull requests: read", what=self._named(number))
        return (await self._calls.fetch(call, GitHubPullRequest)).value()

    async def open_pull_requests(self) -> Sequence[PullRequest]:
        # By age, so that a change between two pages moves nothing from one to the other.
        query = {"state": "open", "sort": "created", "direction": "asc"}
        call = ForgeCall("GET", _PULLS, query=query, permission="Pull requests: read")
        found = {each.number: each.value() for each in await self._calls.listing(call, GitHubPullRequest)}
        return sorted(found.values(), key=lambda each: each.updated_at, reverse=True)

    async def find_pull_request(self, head: str, base: str) -> PullRequest | None:
        owner = self.repository.partition("/")[0]
        query = {"state": "open", "head": f"{owner}:{head}", "base": base}
        call = ForgeCall("GET", _PULLS, query=query, permission="Pull requests: read")
        found = [each.value() for each in await self._calls.listing(call, GitHubPullRequest)]
        # GitHub leaves out a filter that it cannot read.
        return next((each for each in found if leads(each, head, base)), None)

    async def open_pull_request(self, head: str, base: str, title: str, body: str) -> PullRequest:
        content = {"head": head, "base": base, "title": cut(title, _TITLE), "body": inert(body)}
        call = ForgeCall("POST", _PULLS, body=content, permission=_PULL_PERMISSION, repeatable=False)
        return (await self._calls.fetch(call, GitHubPullRequest)).value()

    async def update_pull_request(self, number: int, title: str, body: str) -> PullRequest:
        content = {"title": cut(title, _TITLE), "body": inert(body)}
        call = ForgeCall(
            "PATCH", _PULL, {"number": number}, body=content, permission=_PULL_PERMISSION, what=self._named(number)
        )
        return (await self._calls.fetch(call, GitHubPullRequest)).value()

    async def comments(self, number: int) -> Sequence[Comment]:
        call = ForgeCall(
            "GET", _COMMENTS, {"number": number}, permission="Pull requests: read", what=self._named(number)
        )
        found = {each.id: each.value() for each in await self._calls.listing(call, GitHubComment)}
        return [found[each] for each in sorted(found)]

    async def set_status(self, sha: str, status: CommitStatus, *, ref: str | None = None) -> None:  # noqa: ARG002 - the port's
        content = {
            "state": status.state.value,
            "context": status.context,
            "description": cut(status.description, _DESCRIPTION),
        }
        await self._send_status(sha, status, content, permission="Commit statuses: write")

    async def approvals(self, number: int) -> Sequence[ForgeApproval]:
        call = ForgeCall(
            "GET", f"{_PULL}/reviews", {"number": number}, permission="Pull requests: read", what=self._named(number)
        )
        reviews = await self._calls.listing(call, GitHubReview)
        return approvals_of(
            Review(login_of(each.user), _VERDICTS.get(each.state, ReviewVerdict.NONE), each.commit_id)
            for each in reviews
            if each.user is not None
        )

    async def may_write(self, user: str) -> bool:
        return await self._has_permission(user, ("admin", "maintain", "write"), needs="Metadata: read")

    async def _find_login(self) -> str | None:
        """The tokens' own knowledge, REST for a person's token, and GraphQL for that of an app.

        `GET /user` refuses the tokens of installations, also that of GitHub Actions; GraphQL's viewer answers them.
        """
        own_login = await self._transport.tokens.login()
        if own_login:
            return own_login
        try:
            return (await self._calls.fetch(ForgeCall("GET", "/user"), GitHubAccount)).login
        except (ForgePermissionMissing, ForgeNotFound):
            pass
        base = self._transport.base_url
        graphql = base.removesuffix("/v3") if base.endswith("/api/v3") else base
        call = ForgeCall("POST", "/graphql", body={"query": "query { viewer { login } }"}, base_url=graphql)
        try:
            return (await self._calls.fetch(call, GitHubViewer)).data.viewer.login
        except (ForgeRejected, ForgeUnavailable):
            return None
