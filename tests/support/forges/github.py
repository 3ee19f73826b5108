"""GitHub's REST API: repositories, pull requests, comments, reviews and permissions.

Source: GitHub's published OpenAPI description, and the error texts that its documentation and clients show.
"""

from __future__ import annotations

import re
from typing import Any

from tests.support.forges import github_shapes as shapes
from tests.support.forges.github_access import GitHubAccess
from tests.support.forges.github_app import GitHubApps
from tests.support.forges.github_commits import GitHubCommits
from tests.support.forges.model import Comment, Forge, PullRequest
from tests.support.forges.server import Answer, Call

LONGEST_COMMENT = 65_536
_PULLS = ("pull_requests",)
_TALK = ("issues", "pull_requests")
_EVENTS = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}
_ROLES = {"maintain": "write", "triage": "read"}


class GitHub(GitHubAccess):
    """github.com, or an Enterprise Server with its API below `/api/v3`."""

    def __init__(self, forge: Forge | None = None, *, enterprise: bool = False) -> None:
        if enterprise:
            self.prefix = "/api/v3"
        super().__init__(forge)
        self.apps = GitHubApps(self)
        self.commits = GitHubCommits(self)
        repo = "/repos/{owner}/{repo}"
        pull = repo + "/pulls/{number:int}"
        self.route("GET", "/user", self._user)
        self.route("POST", "/graphql", self._viewer, prefix=self.prefix.removesuffix("/v3"))
        self.route("GET", "/rate_limit", self._rate_limit)
        self.route("GET", repo, self._repository)
        self.route("GET", repo + "/collaborators/{login}/permission", self._permission)
        self.route("GET", repo + "/pulls", self._list_pulls)
        self.route("POST", repo + "/pulls", self._open_pull)
        self.route("GET", pull, self._get_pull)
        self.route("PATCH", pull, self._update_pull)
        self.route("GET", pull + "/reviews", self._list_reviews)
        self.route("POST", pull + "/reviews", self._review)
        self.route("PUT", pull + "/reviews/{review:int}/dismissals", self._dismiss)
        self.route("GET", repo + "/issues/{number:int}/comments", self._list_comments)
        self.route("POST", repo + "/issues/{number:int}/comments", self._comment)
        for method, handler in (("GET", self._get_comment), ("PATCH", self._edit), ("DELETE", self._delete)):
            self.route(method, repo + "/issues/comments/{comment:int}", handler)

    def pull(self, call: Call, permissions: tuple[str, ...], *, write: bool = False) -> PullRequest:
        """The pull request that a path names. Raises RefusedError."""
        found = self.repository(call, permissions, write=write).pulls.get(int(call.parts["number"]))
        if found is None:
            raise self.not_found(call)
        return found

    def _user(self, call: Call) -> Answer:
        if self.token(call).kind == "installation":
            raise self.refused(403, "Resource not accessible by integration")
        return Answer(200, shapes.account(self.forge.person(call.login), self.api(call)))

    def _viewer(self, call: Call) -> Answer:
        """The one GraphQL query that is known here: who the token is. An installation is told only so."""
        if not re.fullmatch(r"\s*(query\s*)?\{\s*viewer\s*\{\s*login\s*\}\s*\}\s*", call.body.get("query", "")):
            raise self.refused(400, "Problems parsing JSON")
        return Answer(200, {"data": {"viewer": {"login": call.login}}})

    def _rate_limit(self, call: Call) -> Answer:
        core = self.limit_numbers()
        return Answer(200, {"resources": {"core": core, "search": core}, "rate": core})

    def _repository(self, call: Call) -> Answer:
        found = self.repository(call, ("metadata",))
        return Answer(200, shapes.repository(found, self.api(call), call.login))

    def _permission(self, call: Call) -> Answer:
        repository = self.repository(call, ("metadata",))
        if self.token(call).kind == "classic" and not repository.may(call.login, "write"):
            raise self.refused(403, "Must have push access to view collaborator permission.")
        who = self.forge.people.get(call.parts["login"])
        if who is None:
            raise self.refused(404, f"{call.parts['login']} is not a user")
        role = repository.level(who.login)
        body = {
            "permission": _ROLES.get(role, role),
            "role_name": role,
            "user": {**shapes.person(who, self.api(call)), "role_name": role},
        }
        return Answer(200, body)

    def _list_pulls(self, call: Call) -> Answer:
        pulls = list(self.repository(call, _PULLS).pulls.values())
        state = call.query.get("state", "open")
        if state not in {"open", "closed", "all"}:
            raise self.invalid({"resource": "PullRequest", "field": "state", "code": "invalid"})
        pulls = [one for one in pulls if state in {"all", one.state}]
        if "base" in call.query:
            pulls = [one for one in pulls if one.base_branch == call.query["base"]]
        owner, colon, branch = call.query.get("head", "").partition(":")
        if colon:
            pulls = [one for one in pulls if (one.head.owner.login, one.head_branch) == (owner, branch)]
        updated = call.query.get("sort") == "updated"
        pulls.sort(key=lambda one: (one.updated_at if updated else one.created_at, one.number))
        if call.query.get("direction", "desc" if call.query.get("sort", "created") == "created" else "asc") == "desc":
            pulls.reverse()
        return self.listing(call, [shapes.pull_request(one, self.api(call), full=False) for one in pulls])

    def _get_pull(self, call: Call) -> Answer:
        return Answer(200, shapes.pull_request(self.pull(call, _PULLS), self.api(call)))

    def _open_pull(self, call: Call) -> Answer:
        repository = self.repository(call, _PULLS, write=True)
        sent = call.body
        owner, _, branch = str(sent.get("head", "")).rpartition(":")
        forks = (one for one in self.forge.repositories.values() if one.fork_of is repository)
        head = next((one for one in forks if one.owner.login == owner), repository)
        where = {"resource": "PullRequest", "code": "invalid"}
        for name, known in (("head", branch in head.branches), ("base", sent.get("base") in repository.branches)):
            if not known:
                raise self.invalid({**where, "field": name})
        if any(
            (one.head, one.head_branch, one.base_branch, one.state) == (head, branch, sent["base"], "open")
            for one in repository.pulls.values()
        ):
            text = f"A pull request already exists for {head.owner.login}:{branch}."
            raise self.invalid({"resource": "PullRequest", "code": "custom", "message": text})
        if not isinstance(sent.get("title"), str):
            raise self.invalid({"resource": "PullRequest", "code": "missing_field", "field": "title"})
        made = self.forge.pull_request(
            repository, call.login, branch, head=head, title=sent["title"], into=sent["base"]
        )
        made.body, made.draft = sent.get("body") or "", bool(sent.get("draft"))
        return Answer(201, shapes.pull_request(made, self.api(call)))

    def _update_pull(self, call: Call) -> Answer:
        pull = self.pull(call, _PULLS, write=True)
        sent = call.body
        pull.title, pull.body = sent.get("title", pull.title), sent.get("body", pull.body) or ""
        if sent.get("state") == "closed" and pull.state == "open":
            self.forge.close(pull)
        elif sent.get("state") == "open" and pull.merged_at is None:
            pull.state, pull.closed_at = "open", None
        pull.updated_at = self.forge.now
        return Answer(200, shapes.pull_request(pull, self.api(call)))

    def _list_reviews(self, call: Call) -> Answer:
        pull = self.pull(call, _PULLS)
        return self.listing(call, [shapes.review(pull, one, self.api(call)) for one in pull.reviews])

    def _review(self, call: Call) -> Answer:
        pull = self.pull(call, _PULLS, write=True)
        state = _EVENTS.get(call.body.get("event", ""), "PENDING")
        if state in {"APPROVED", "CHANGES_REQUESTED"} and pull.author.login == call.login:
            verb = "approve" if state == "APPROVED" else "request changes on"
            raise self.refused(422, "Unprocessable Entity", errors=[f"Can not {verb} your own pull request"])
        made = self.forge.review(pull, call.login, state, sha=call.body.get("commit_id"))
        made.body = call.body.get("body", "")
        return Answer(200, shapes.review(pull, made, self.api(call)))

    def _dismiss(self, call: Call) -> Answer:
        pull = self.pull(call, _PULLS, write=True)
        found = next((one for one in pull.reviews if one.id == int(call.parts["review"])), None)
        if found is None:
            raise self.not_found(call)
        if found.dismissed or found.state not in {"APPROVED", "CHANGES_REQUESTED"}:
            raise self.refused(422, "Unprocessable Entity", errors=["Can not dismiss this pull request review"])
        found.dismissed = True
        return Answer(200, shapes.review(pull, found, self.api(call)))

    def _list_comments(self, call: Call) -> Answer:
        pull = self.pull(call, _TALK)
        return self.listing(call, [shapes.comment(pull, one, self.api(call)) for one in pull.comments])

    def _comment(self, call: Call) -> Answer:
        pull = self.pull(call, _TALK, write=True)
        made = self.forge.comment(pull, call.login, self._text(call))
        return Answer(201, shapes.comment(pull, made, self.api(call)))

    def _found_comment(self, call: Call, *, write: bool) -> tuple[PullRequest, Comment]:
        repository = self.repository(call, _TALK, write=write)
        for pull in repository.pulls.values():
            for one in pull.comments:
                if one.id == int(call.parts["comment"]):
                    if write and one.author.login != call.login and not repository.may(call.login, "write"):
                        raise self.refused(403, "Must have admin rights to Repository.")
                    return pull, one
        raise self.not_found(call)

    def _get_comment(self, call: Call) -> Answer:
        return Answer(200, shapes.comment(*self._found_comment(call, write=False), self.api(call)))

    def _edit(self, call: Call) -> Answer:
        pull, found = self._found_comment(call, write=True)
        found.body, found.updated_at = self._text(call), self.forge.now
        return Answer(200, shapes.comment(pull, found, self.api(call)))

    def _delete(self, call: Call) -> Answer:
        pull, found = self._found_comment(call, write=True)
        pull.comments.remove(found)
        return Answer(204)

    def _text(self, call: Call) -> str:
        body: Any = call.body.get("body")
        if not isinstance(body, str) or not body.strip():
            raise self.invalid({"resource": "IssueComment", "code": "missing_field", "field": "body"})
        if len(body) > LONGEST_COMMENT:
            text = f"Body is too long (maximum is {LONGEST_COMMENT} characters)"
            error = {"resource": "IssueComment", "code": "unprocessable", "field": "data", "message": text}
            raise self.invalid(error)
        return body
