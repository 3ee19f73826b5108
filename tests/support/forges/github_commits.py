"""GitHub's commit statuses, check runs and the pull requests of a commit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.forges import github_shapes as shapes
from tests.support.forges.model import CheckRun, Repository
from tests.support.forges.server import Answer, Call

if TYPE_CHECKING:
    from tests.support.forges.github_access import GitHubAccess

MOST_ANNOTATIONS = 50
LONGEST_DESCRIPTION = 140
MOST_STATUSES = 1000
LONGEST_SUMMARY = 65_535
_STATES = ("error", "failure", "pending", "success")
_CONCLUSIONS = frozenset(
    {"action_required", "cancelled", "failure", "neutral", "success", "skipped", "stale", "timed_out"}
)
_LEVELS = frozenset({"notice", "warning", "failure"})


class GitHubCommits:
    """Registers its routes with the server."""

    def __init__(self, server: GitHubAccess) -> None:
        self._server = server
        self._forge = server.forge
        repo = "/repos/{owner}/{repo}"
        for method, rest, handler in (
            ("GET", "/commits/{sha}", self._get),
            ("GET", "/commits/{sha}/pulls", self._pulls),
            ("GET", "/commits/{sha}/statuses", self._statuses),
            ("GET", "/commits/{sha}/status", self._combined),
            ("GET", "/statuses/{sha}", self._statuses),
            ("POST", "/statuses/{sha}", self._set_status),
            ("GET", "/commits/{sha}/check-runs", self._check_runs),
            ("POST", "/check-runs", self._create_check),
            ("GET", "/check-runs/{check:int}", self._get_check),
            ("PATCH", "/check-runs/{check:int}", self._update_check),
            ("GET", "/check-runs/{check:int}/annotations", self._annotations),
        ):
            server.route(method, repo + rest, handler)

    def _commit(self, call: Call, repository: Repository) -> str:
        sha = repository.branches.get(call.parts["sha"], call.parts["sha"])
        if sha not in self._forge.commits(repository):
            raise self._server.refused(422, f"No commit found for SHA: {sha}")
        return sha

    def _get(self, call: Call) -> Answer:
        repository = self._server.repository(call, ("contents",))
        sha, base = self._commit(call, repository), self._server.api(call)
        url = f"{base}/repos/{repository.full_name}"
        signed = {"name": "Flow Author", "email": "author@example.com", "date": "2026-01-01T00:00:00Z"}
        commit = {
            "url": f"{url}/git/commits/{sha}",
            "author": signed,
            "committer": signed,
            "message": "Change flows",
            "comment_count": 0,
            "tree": {"sha": sha, "url": f"{url}/git/trees/{sha}"},
        }
        body = {
            "url": f"{url}/commits/{sha}",
            "sha": sha,
            "node_id": f"C_{sha}",
            "html_url": f"{base}/{repository.full_name}/commit/{sha}",
            "comments_url": f"{url}/commits/{sha}/comments",
            "commit": commit,
            "author": None,
            "committer": None,
            "parents": [],
        }
        return Answer(200, body)

    def _pulls(self, call: Call) -> Answer:
        repository = self._server.repository(call, ("pull_requests",))
        sha = self._commit(call, repository)
        pulls = [
            one
            for one in repository.pulls.values()
            if sha == one.merge_sha or (sha in [head for head, _ in one.heads] and one.state == "open")
        ]
        base = self._server.api(call)
        return self._server.listing(call, [shapes.pull_request(one, base, full=False) for one in pulls])

    def _set_status(self, call: Call) -> Answer:
        repository = self._server.repository(call, ("statuses",), write=True)
        if self._server.token(call).kind == "classic" and not repository.may(call.login, "write"):
            raise self._server.not_found(call)
        sha, sent = self._commit(call, repository), call.body
        where = {"resource": "Status", "code": "custom"}
        if sent.get("state") not in _STATES:
            message = "state is not included in the list"
            raise self._server.invalid({**where, "field": "state", "message": message})
        if len(sent.get("description") or "") > LONGEST_DESCRIPTION:
            text = f"description is too long (maximum is {LONGEST_DESCRIPTION} characters)"
            raise self._server.invalid({**where, "field": "description", "message": text})
        same = [one for one in repository.statuses if (one.sha, one.context) == (sha, sent.get("context", "default"))]
        if len(same) >= MOST_STATUSES:
            text = "This SHA and context has reached the maximum number of statuses."
            raise self._server.invalid({**where, "message": text})
        made = self._forge.status(repository, sha, call.login, sent)
        return Answer(201, shapes.status(made, repository, self._server.api(call)))

    def _statuses(self, call: Call) -> Answer:
        repository = self._server.repository(call, ("statuses",))
        sha, base = self._commit(call, repository), self._server.api(call)
        found = [one for one in reversed(repository.statuses) if one.sha == sha]
        return self._server.listing(call, [shapes.status(one, repository, base) for one in found])

    def _combined(self, call: Call) -> Answer:
        repository = self._server.repository(call, ("statuses",))
        sha, base = self._commit(call, repository), self._server.api(call)
        latest = self._forge.latest_statuses(repository, sha)
        states = {one.state for one in latest}
        whole = "failure" if states & {"error", "failure"} else "success" if states == {"success"} else "pending"
        page, numbers = self._server.page(call, [shapes.status(one, repository, base) for one in latest])
        url = f"{base}/repos/{repository.full_name}/commits/{sha}"
        body = {
            "state": whole,
            "statuses": page,
            "sha": sha,
            "total_count": len(latest),
            "repository": shapes.repository(repository, base),
            "commit_url": url,
            "url": f"{url}/status",
        }
        return Answer(200, body, self._server.link(call, numbers))

    def _check_runs(self, call: Call) -> Answer:
        repository = self._server.repository(call, ("checks",))
        sha, base = self._commit(call, repository), self._server.api(call)
        runs = [one for one in repository.checks.values() if one.sha == sha]
        name = call.query.get("check_name")
        runs = [one for one in runs if name in {None, one.name}]
        if call.query.get("filter", "latest") == "latest":
            runs = list({(one.app_id, one.name): one for one in runs}.values())
        page, numbers = self._server.page(call, [shapes.check_run(one, repository, base) for one in runs])
        return Answer(200, {"total_count": len(runs), "check_runs": page}, self._server.link(call, numbers))

    def _writable(self, call: Call) -> Repository:
        repository = self._server.repository(call, ("checks",), write=True)
        if self._server.token(call).kind != "installation":
            raise self._server.refused(403, "You must authenticate via a GitHub App.")
        return repository

    def _create_check(self, call: Call) -> Answer:
        repository, sent = self._writable(call), call.body
        for name in ("name", "head_sha"):
            if not isinstance(sent.get(name), str):
                raise self._server.refused(422, f'Invalid request.\n\n"{name}" wasn\'t supplied.')
        call.parts["sha"] = sent["head_sha"]
        app_id = self._server.token(call).app_id
        made = CheckRun(
            self._forge.next_id(), self._commit(call, repository), sent["name"], app_id, {}, self._forge.now
        )
        self._change(made, sent)
        repository.checks[made.id] = made
        return Answer(201, shapes.check_run(made, repository, self._server.api(call)))

    def _found_check(self, call: Call, repository: Repository) -> CheckRun:
        found = repository.checks.get(int(call.parts["check"]))
        if found is None:
            raise self._server.not_found(call)
        return found

    def _get_check(self, call: Call) -> Answer:
        repository = self._server.repository(call, ("checks",))
        run = self._found_check(call, repository)
        return Answer(200, shapes.check_run(run, repository, self._server.api(call)))

    def _update_check(self, call: Call) -> Answer:
        repository = self._writable(call)
        run = self._found_check(call, repository)
        app_id = self._server.token(call).app_id
        if run.app_id != app_id:
            text = f"Invalid app_id `{app_id}` - check run can only be modified by the GitHub App that created it."
            raise self._server.refused(403, text)
        self._change(run, call.body)
        return Answer(200, shapes.check_run(run, repository, self._server.api(call)))

    def _change(self, run: CheckRun, sent: dict[str, Any]) -> None:
        if sent.get("status") == "completed" and "conclusion" not in sent:
            raise self._server.refused(422, 'Invalid request.\n\n"conclusion" wasn\'t supplied.')
        if sent.get("conclusion", "success") not in _CONCLUSIONS:
            raise self._server.refused(422, f"Invalid request.\n\n{sent['conclusion']} is not a conclusion.")
        output = sent.get("output") or {}
        if output and not {"title", "summary"} <= output.keys():
            raise self._server.refused(422, 'Invalid request.\n\n"title" or "summary" wasn\'t supplied.')
        for name in ("summary", "text"):
            if len(output.get(name) or "") > LONGEST_SUMMARY:
                raise self._server.refused(422, f"Invalid request.\n\nOnly {LONGEST_SUMMARY} characters are allowed.")
        annotations = output.get("annotations") or []
        if len(annotations) > MOST_ANNOTATIONS:
            text = f"No more than {MOST_ANNOTATIONS} items are allowed; {len(annotations)} were supplied."
            raise self._server.refused(422, f"Invalid request.\n\n{text}")
        for one in annotations:
            self._check_annotation(one)
        run.annotations += annotations
        run.values |= sent

    def _check_annotation(self, one: dict[str, Any]) -> None:
        for name in ("path", "start_line", "end_line", "annotation_level", "message"):
            if name not in one:
                raise self._server.refused(422, f'Invalid request.\n\n"{name}" wasn\'t supplied.')
        columns = "start_column" in one or "end_column" in one
        if one["annotation_level"] not in _LEVELS or (columns and one["start_line"] != one["end_line"]):
            raise self._server.invalid({"resource": "CheckAnnotation", "code": "invalid", "field": "annotations"})

    def _annotations(self, call: Call) -> Answer:
        repository = self._server.repository(call, ("checks",))
        run, base = self._found_check(call, repository), self._server.api(call)
        return self._server.listing(call, [shapes.annotation(one, run, repository, base) for one in run.annotations])
