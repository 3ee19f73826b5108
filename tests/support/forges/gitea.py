"""Gitea's and Forgejo's REST API, version 1: repositories, pull requests, comments, reviews, statuses, permissions.

Source: Gitea's published API description, and the error texts of its source.
"""

from __future__ import annotations

from tests.support.forges import gitea_shapes as shapes
from tests.support.forges.gitea_access import GiteaAccess
from tests.support.forges.model import Comment, Forge, PullRequest, Repository
from tests.support.forges.server import Answer, Call, RefusedError

STATES = frozenset({"pending", "success", "error", "failure", "warning"})
_EVENTS = {"APPROVED": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}
_OTHERS = (
    "Only admins can query all permissions, repo admins can query all repo permissions, "
    "collaborators can query only their own"
)


class Gitea(GiteaAccess):
    """A Gitea or a Forgejo: they differ in their version and in the names of a webhook's headers."""

    def __init__(self, forge: Forge | None = None, *, forgejo: bool = False) -> None:
        super().__init__(forge)
        self.forgejo = forgejo
        repo = "/repos/{owner}/{repo}"
        pull = repo + "/pulls/{number:int}"
        for method, path, handler in (
            ("GET", "/version", self._version),
            ("GET", "/user", self._user),
            ("GET", repo, self._repository),
            ("GET", repo + "/collaborators/{login}/permission", self._permission),
            ("GET", repo + "/pulls", self._list),
            ("POST", repo + "/pulls", self._open),
            ("GET", pull, self._get),
            ("PATCH", pull, self._update),
            ("GET", pull + "/reviews", self._reviews),
            ("POST", pull + "/reviews", self._review),
            ("POST", pull + "/reviews/{review:int}/dismissals", self._dismiss),
            ("GET", repo + "/pulls/{base}/{head}", self._between),
            ("GET", repo + "/issues/{number:int}/comments", self._comments),
            ("POST", repo + "/issues/{number:int}/comments", self._comment),
            ("GET", repo + "/issues/comments/{comment:int}", self._get_comment),
            ("PATCH", repo + "/issues/comments/{comment:int}", self._edit),
            ("DELETE", repo + "/issues/comments/{comment:int}", self._delete),
            ("GET", repo + "/statuses/{sha}", self._statuses),
            ("POST", repo + "/statuses/{sha}", self._set_status),
            ("GET", repo + "/commits/{sha}/status", self._combined),
            ("GET", repo + "/commits/{sha}/pull", self._of_commit),
        ):
            self.route(method, path, handler)

    def _version(self, call: Call) -> Answer:
        return Answer(200, {"version": "13.0.2+gitea-1.22.0" if self.forgejo else "1.25.1"})

    def _user(self, call: Call) -> Answer:
        return Answer(200, shapes.person(self.forge.person(call.login), call.base))

    def _repository(self, call: Call) -> Answer:
        return Answer(200, shapes.repository(self.repository(call), call.base, call.login))

    def _permission(self, call: Call) -> Answer:
        repository, login = self.repository(call), call.parts["login"]
        if login.lower() != call.login.lower() and not repository.may(call.login, "admin"):
            raise self.refused(403, _OTHERS, call)
        who = self.forge.people.get(login)
        if who is None:
            raise self.refused(404, f"user does not exist [uid: 0, name: {login}]", call)
        level = repository.level(login)
        told = "owner" if login == repository.owner.login else shapes.LEVELS.get(level, level)
        return Answer(200, {"permission": told, "role_name": told, "user": shapes.person(who, call.base)})

    def _list(self, call: Call) -> Answer:
        pulls = list(self.repository(call).pulls.values())
        state = call.query.get("state", "open")
        pulls = [one for one in pulls if state in {"all", one.state}]
        orders = {"oldest": (lambda one: one.number, False), "recentupdate": (lambda one: one.updated_at, True)}
        key, backwards = orders.get(call.query.get("sort", ""), (lambda one: one.number, True))
        pulls.sort(key=key, reverse=backwards)
        return self.listing(call, [shapes.pull_request(one, call.base) for one in pulls])

    def _get(self, call: Call) -> Answer:
        return Answer(200, shapes.pull_request(self.pull(call), call.base))

    def _between(self, call: Call) -> Answer:
        pulls = self.repository(call).pulls.values()
        wanted = (call.parts["base"], call.parts["head"])
        found = next((one for one in pulls if (one.base_branch, one.head_branch) == wanted), None)
        if found is None:
            raise self.not_found(call)
        return Answer(200, shapes.pull_request(found, call.base))

    def _open(self, call: Call) -> Answer:
        repository, sent = self.repository(call, "write"), call.body
        owner, _, branch = str(sent.get("head", "")).rpartition(":")
        forks = (one for one in self.forge.repositories.values() if one.fork_of is repository)
        head = next((one for one in forks if one.owner.login == owner), repository)
        into = sent.get("base", "")
        if branch not in head.branches or into not in repository.branches:
            raise self.not_found(call)
        for one in repository.pulls.values():
            if (one.head, one.head_branch, one.base_branch, one.state) == (head, branch, into, "open"):
                targets = (
                    f"id: {one.id}, issue_id: {one.number}, head_repo_id: {head.id}, base_repo_id: {repository.id}"
                )
                text = f"{targets}, head_branch: {branch}, base_branch: {into}"
                raise self.refused(409, f"pull request already exists for these targets [{text}]", call)
        if head.branches[branch] == repository.branches[into]:
            text = "Invalid PullRequest: There are no changes between the head and the base"
            raise self.refused(422, text, call)
        made = self.forge.pull_request(repository, call.login, branch, head=head, into=into)
        self._retitle(made, sent.get("title", ""))
        made.body = sent.get("body", "")
        return Answer(201, shapes.pull_request(made, call.base))

    def _retitle(self, pull: PullRequest, title: str) -> None:
        pull.draft = title.upper().startswith("WIP:")
        pull.title = title[len("WIP:") :].strip() if pull.draft else title

    def _update(self, call: Call) -> Answer:
        pull, sent = self.pull(call), call.body
        if not pull.base.may(call.login, "write") and pull.author.login != call.login:
            raise self.refused(403, "Forbidden", call)
        if "title" in sent:
            self._retitle(pull, sent["title"])
        pull.body = sent.get("body", pull.body)
        if sent.get("state") == "closed" and pull.state == "open":
            self.forge.close(pull)
        elif sent.get("state") == "open" and pull.merged_at is None:
            pull.state, pull.closed_at = "open", None
        pull.updated_at = self.forge.now
        return Answer(201, shapes.pull_request(pull, call.base))

    def _reviews(self, call: Call) -> Answer:
        pull = self.pull(call)
        return self.listing(call, [shapes.review(pull, one, call.base) for one in pull.reviews])

    def _review(self, call: Call) -> Answer:
        pull = self.pull(call)
        state = _EVENTS.get(call.body.get("event", ""), "PENDING")
        if state in {"APPROVED", "CHANGES_REQUESTED"} and pull.author.login == call.login:
            verb = "approve" if state == "APPROVED" else "reject"
            raise self.refused(422, f"{verb} your own pull is not allowed", call)
        made = self.forge.review(pull, call.login, state, sha=call.body.get("commit_id") or None)
        made.body = call.body.get("body", "")
        return Answer(200, shapes.review(pull, made, call.base))

    def _dismiss(self, call: Call) -> Answer:
        pull = self.pull(call)
        if not pull.base.may(call.login, "admin"):
            raise self.refused(403, "Must be repo admin", call)
        found = next((one for one in pull.reviews if one.id == int(call.parts["review"])), None)
        if found is None:
            raise self.not_found(call)
        found.dismissed = True
        return Answer(200, shapes.review(pull, found, call.base))

    def _comments(self, call: Call) -> Answer:
        pull = self.pull(call)
        shown = [shapes.comment(pull, one, call.base) for one in pull.comments]
        return Answer(200, shown, {"x-total-count": str(len(shown))})

    def _comment(self, call: Call) -> Answer:
        pull = self.pull(call)
        made = self.forge.comment(pull, call.login, self._text(call))
        return Answer(201, shapes.comment(pull, made, call.base))

    def _text(self, call: Call) -> str:
        body = call.body.get("body")
        if not isinstance(body, str) or not body:
            raise self.refused(422, "[Body]: Required", call)
        return body

    def _found_comment(self, call: Call, *, write: bool) -> tuple[PullRequest, Comment]:
        repository = self.repository(call)
        for pull in repository.pulls.values():
            for one in pull.comments:
                if one.id == int(call.parts["comment"]):
                    if write and one.author.login != call.login and not repository.may(call.login, "write"):
                        raise RefusedError(Answer(403, ""))
                    return pull, one
        raise self.not_found(call)

    def _get_comment(self, call: Call) -> Answer:
        return Answer(200, shapes.comment(*self._found_comment(call, write=False), call.base))

    def _edit(self, call: Call) -> Answer:
        pull, found = self._found_comment(call, write=True)
        found.body, found.updated_at = self._text(call), self.forge.now
        return Answer(200, shapes.comment(pull, found, call.base))

    def _delete(self, call: Call) -> Answer:
        pull, found = self._found_comment(call, write=True)
        pull.comments.remove(found)
        return Answer(204)

    def _sha(self, call: Call, repository: Repository) -> str:
        sha = repository.branches.get(call.parts["sha"], call.parts["sha"])
        if sha not in self.forge.commits(repository):
            raise self.not_found(call)
        return sha

    def _statuses(self, call: Call) -> Answer:
        repository = self.repository(call)
        sha = self._sha(call, repository)
        found = [one for one in reversed(repository.statuses) if one.sha == sha]
        return self.listing(call, [shapes.status(one, repository, call.base) for one in found])

    def _set_status(self, call: Call) -> Answer:
        repository, sent = self.repository(call, "write"), call.body
        if sent.get("state") not in STATES:
            raise self.refused(422, "[State]: Invalid", call)
        made = self.forge.status(repository, self._sha(call, repository), call.login, sent)
        return Answer(201, shapes.status(made, repository, call.base))

    def _combined(self, call: Call) -> Answer:
        repository = self.repository(call)
        sha = self._sha(call, repository)
        latest = self.forge.latest_statuses(repository, sha)
        states = {one.state for one in latest}
        worst = next((one for one in ("error", "failure", "warning", "pending", "success") if one in states), "")
        body = {
            "state": worst,
            "sha": sha,
            "total_count": len(latest),
            "statuses": [shapes.status(one, repository, call.base) for one in latest],
            "repository": shapes.repository(repository, call.base, call.login),
            "commit_url": "",
            "url": f"{call.base}{call.path}",
        }
        return Answer(200, body)

    def _of_commit(self, call: Call) -> Answer:
        repository = self.repository(call)
        sha = self._sha(call, repository)
        found = next((one for one in repository.pulls.values() if sha == one.merge_sha), None)
        if found is None:
            raise self.not_found(call)
        return Answer(200, shapes.pull_request(found, call.base))
