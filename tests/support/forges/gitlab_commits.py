"""GitLab's commits: their statuses, and the merge requests that brought them."""

from __future__ import annotations

from tests.support.forges import gitlab_shapes as shapes
from tests.support.forges.gitlab_access import GitLabAccess
from tests.support.forges.model import Repository
from tests.support.forges.server import Answer, Call, RefusedError

LONGEST_DESCRIPTION = 255
_STATES = ("pending", "running", "success", "failed", "canceled", "skipped")


class GitLabCommits:
    """Registers its routes with the server."""

    def __init__(self, server: GitLabAccess) -> None:
        self._server = server
        project = "/projects/{project}"
        commit = project + "/repository/commits/{sha}"
        server.route("GET", commit, self._get)
        server.route("GET", commit + "/statuses", self._statuses)
        server.route("GET", commit + "/merge_requests", self._merge_requests)
        server.route("POST", project + "/statuses/{sha}", self._set_status)

    def _sha(self, call: Call, project: Repository) -> str:
        sha = project.branches.get(call.parts["sha"], call.parts["sha"])
        if sha not in self._server.forge.commits(project):
            raise self._server.refused(404, "404 Commit Not Found")
        return sha

    def _get(self, call: Call) -> Answer:
        sha = self._sha(call, self._server.project(call))
        body = {
            "id": sha,
            "short_id": sha[:8],
            "created_at": "2026-01-01T00:00:00.000+00:00",
            "parent_ids": [],
            "title": "Change flows",
            "message": "Change flows\n",
            "author_name": "Flow Author",
            "author_email": "author@example.com",
            "authored_date": "2026-01-01T00:00:00.000+00:00",
            "committer_name": "Flow Author",
            "committer_email": "author@example.com",
            "committed_date": "2026-01-01T00:00:00.000+00:00",
            "web_url": f"{call.base}/-/commit/{sha}",
            "status": None,
        }
        return Answer(200, body)

    def _statuses(self, call: Call) -> Answer:
        project = self._server.project(call)
        sha = self._sha(call, project)
        found = self._server.forge.latest_statuses(project, sha)
        if call.query.get("all") == "true":
            found = [one for one in project.statuses if one.sha == sha]
        if "name" in call.query:
            found = [one for one in found if one.context == call.query["name"]]
        return self._server.listing(call, [shapes.status(one, call.base) for one in found])

    def _merge_requests(self, call: Call) -> Answer:
        project = self._server.project(call)
        sha = self._sha(call, project)
        pulls = [
            one for one in project.pulls.values() if sha == one.merge_sha or sha in [head for head, _ in one.heads]
        ]
        return self._server.listing(call, [shapes.merge_request(one, call.base, full=False) for one in pulls])

    def _set_status(self, call: Call) -> Answer:
        project, sent = self._server.project(call, "write"), call.body
        sha, state = self._sha(call, project), sent.get("state")
        if state not in _STATES:
            raise RefusedError(Answer(400, {"error": "state does not have a valid value"}))
        if not sent.get("ref") and sha not in project.branches.values():
            raise self._server.refused(404, "404 References for commit Not Found")
        if len(sent.get("description") or "") > LONGEST_DESCRIPTION:
            text = f"is too long (maximum is {LONGEST_DESCRIPTION} characters)"
            raise self._server.refused(400, {"description": [text]})
        context = sent.get("name") or sent.get("context") or "default"
        latest = [one for one in self._server.forge.latest_statuses(project, sha) if one.context == context]
        if latest and latest[0].state == state and state in {"pending", "running"}:
            event = "enqueue" if state == "pending" else "run"
            reason = f'Status cannot transition via "{event}"'
            raise self._server.refused(
                400, f"Cannot transition status via :{event} from :{state} (Reason(s): {reason})"
            )
        made = self._server.forge.status(project, sha, call.login, {**sent, "context": context})
        return Answer(201, shapes.status(made, call.base))
