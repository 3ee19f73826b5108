"""GitLab's REST API, version 4: projects, merge requests, notes, approvals, commit statuses and members.

Source: GitLab's documentation of its REST API, and the error texts that its source and clients show.
"""

from __future__ import annotations

from typing import Any

from tests.support.forges import gitlab_shapes as shapes
from tests.support.forges.gitlab_access import GitLabAccess
from tests.support.forges.gitlab_commits import GitLabCommits
from tests.support.forges.model import Comment, Forge, PullRequest, Repository, Review
from tests.support.forges.server import Answer, Call, RefusedError

LONGEST_NOTE = 1_000_000
_MR_STATES = {"opened": "open", "closed": "closed", "merged": "merged", "all": "all"}


class GitLab(GitLabAccess):
    """gitlab.com, or an instance of one's own."""

    def __init__(self, forge: Forge | None = None) -> None:
        super().__init__(forge)
        self.commits = GitLabCommits(self)
        self.reset_approvals_on_push = True
        """A setting of projects, which is on by default."""
        project = "/projects/{project}"
        merge_request = project + "/merge_requests/{number:int}"
        note = merge_request + "/notes/{note:int}"
        for method, path, handler in (
            ("GET", "/version", self._version),
            ("GET", "/user", self._user),
            ("GET", "/users", self._users),
            ("GET", project, self._project),
            ("GET", project + "/members/all/{user:int}", self._member),
            ("GET", project + "/members/all", self._members),
            ("GET", project + "/merge_requests", self._list),
            ("POST", project + "/merge_requests", self._open),
            ("GET", merge_request, self._get),
            ("PUT", merge_request, self._update),
            ("GET", merge_request + "/notes", self._notes),
            ("POST", merge_request + "/notes", self._add_note),
            ("GET", note, self._get_note),
            ("PUT", note, self._edit_note),
            ("DELETE", note, self._delete_note),
            ("GET", merge_request + "/approvals", self._approvals),
            ("POST", merge_request + "/approve", self._approve),
            ("POST", merge_request + "/unapprove", self._unapprove),
            ("GET", merge_request + "/versions", self._versions),
        ):
            self.route(method, path, handler)

    def _version(self, call: Call) -> Answer:
        return Answer(200, {"version": "18.5.0-ee", "revision": "0123456789a"})

    def _user(self, call: Call) -> Answer:
        if self._is_job(call):
            raise self.refused(401, "401 Unauthorized")
        shape = shapes.person(self.forge.person(call.login), call.base)
        return Answer(200, {**shape, "bot": False, "email": f"{call.login}@example.com", "can_create_group": False})

    def _is_job(self, call: Call) -> bool:
        return "job-token" in call.headers

    def _users(self, call: Call) -> Answer:
        wanted = call.query.get("username", "").lower()
        people = [one for one in self.forge.people.values() if wanted in {"", one.login.lower()}]
        return self.listing(call, [shapes.person(one, call.base) for one in people])

    def _project(self, call: Call) -> Answer:
        return Answer(200, shapes.project(self.project(call), call.base))

    def _membership(self, project: Repository, call: Call, user: int) -> dict[str, Any] | None:
        who = next((one for one in self.forge.people.values() if one.id == user), None)
        member = who and (who.login in project.people or who.login == project.owner.login)
        if who is None or not member:
            return None
        level = shapes.LEVELS[project.level(who.login)]
        shape = shapes.person(who, call.base)
        return {**shape, "access_level": level, "expires_at": None, "membership_state": "active"}

    def _member(self, call: Call) -> Answer:
        found = self._membership(self.project(call), call, int(call.parts["user"]))
        if found is None:
            raise self.refused(404, "404 Not found")
        return Answer(200, found)

    def _members(self, call: Call) -> Answer:
        project = self.project(call)
        found = [self._membership(project, call, one.id) for one in self.forge.people.values()]
        wanted = call.query.get("query", "").lower()
        return self.listing(call, [one for one in found if one and wanted in one["username"].lower()])

    def _list(self, call: Call) -> Answer:
        state = _MR_STATES.get(call.query.get("state", "all"))
        if state is None:
            raise RefusedError(Answer(400, {"error": "state does not have a valid value"}))
        pulls = list(self.project(call).pulls.values())
        if state != "all":
            pulls = [one for one in pulls if ("merged" if one.merged_at else one.state) == state]
        for name, field in (("source_branch", "head_branch"), ("target_branch", "base_branch")):
            if name in call.query:
                pulls = [one for one in pulls if getattr(one, field) == call.query[name]]
        by = "updated_at" if call.query.get("order_by") == "updated_at" else "created_at"
        pulls.sort(key=lambda one: (getattr(one, by), one.number), reverse=call.query.get("sort", "desc") == "desc")
        return self.listing(call, [shapes.merge_request(one, call.base, full=False) for one in pulls])

    def _get(self, call: Call) -> Answer:
        return Answer(200, shapes.merge_request(self.merge_request(call), call.base))

    def _open(self, call: Call) -> Answer:
        project, sent = self.project(call, "write"), call.body
        for name in ("source_branch", "target_branch", "title"):
            if not sent.get(name):
                raise RefusedError(Answer(400, {"error": f"{name} is missing"}))
        source, target = sent["source_branch"], sent["target_branch"]
        for one in project.pulls.values():
            if (one.head, one.head_branch, one.base_branch, one.state) == (project, source, target, "open"):
                text = f"Another open merge request already exists for this source branch: !{one.number}"
                raise self.refused(409, [text])
        for kind, branch in (("source", source), ("target", target)):
            if branch not in project.branches:
                raise self.refused(409, [f'{kind.capitalize()} branch "{branch}" does not exist'])
        made = self.forge.pull_request(project, call.login, source, title=sent["title"], into=target)
        self._retitle(made, sent["title"])
        made.body = sent.get("description") or ""
        return Answer(201, shapes.merge_request(made, call.base))

    def _retitle(self, pull: PullRequest, title: str) -> None:
        pull.draft = title.lower().startswith("draft:")
        pull.title = title[len("draft:") :].strip() if pull.draft else title

    def _update(self, call: Call) -> Answer:
        pull, sent = self.merge_request(call, "write"), call.body
        if "title" in sent:
            self._retitle(pull, sent["title"])
        pull.body = sent.get("description", pull.body)
        if sent.get("state_event") == "close":
            self.forge.close(pull)
        elif sent.get("state_event") == "reopen" and pull.merged_at is None:
            pull.state, pull.closed_at = "open", None
        pull.updated_at = self.forge.now
        return Answer(200, shapes.merge_request(pull, call.base))

    def _notes(self, call: Call) -> Answer:
        pull = self.merge_request(call)
        updated = call.query.get("order_by") == "updated_at"
        notes = sorted(pull.comments, key=lambda one: (one.updated_at if updated else one.created_at, one.id))
        if call.query.get("sort", "desc") == "desc":
            notes.reverse()
        wanted = {"only_comments": (False,), "only_activity": (True,)}
        shown = wanted.get(call.query.get("activity_filter", ""), (False, True))
        notes = [one for one in notes if one.system in shown]
        return self.listing(call, [shapes.note(pull, one, call.base) for one in notes])

    def _text(self, call: Call) -> str:
        body = call.body.get("body")
        if body is None:
            raise RefusedError(Answer(400, {"error": "body is missing"}))
        if not str(body).strip():
            raise self.refused(400, '400 Bad request - Note {note: ["can\'t be blank"]}')
        if len(str(body)) > LONGEST_NOTE:
            text = f"is too long (maximum is {LONGEST_NOTE} characters)"
            raise self.refused(400, f'400 Bad request - Note {{note: ["{text}"]}}')
        return str(body)

    def _add_note(self, call: Call) -> Answer:
        pull = self.merge_request(call)
        made = self.forge.comment(pull, call.login, self._text(call))
        return Answer(201, shapes.note(pull, made, call.base))

    def _note(self, call: Call, *, write: bool = False) -> tuple[PullRequest, Comment]:
        pull = self.merge_request(call)
        found = next((one for one in pull.comments if one.id == int(call.parts["note"])), None)
        if found is None:
            raise self.refused(404, "404 Not found" if not write else "404 Note Not Found")
        if write and found.author.login != call.login and not pull.base.may(call.login, "maintain"):
            raise self.refused(403, "403 Forbidden")
        return pull, found

    def _get_note(self, call: Call) -> Answer:
        return Answer(200, shapes.note(*self._note(call), call.base))

    def _edit_note(self, call: Call) -> Answer:
        pull, found = self._note(call, write=True)
        found.body, found.updated_at = self._text(call), self.forge.now
        return Answer(200, shapes.note(pull, found, call.base))

    def _delete_note(self, call: Call) -> Answer:
        pull, found = self._note(call, write=True)
        pull.comments.remove(found)
        return Answer(204)

    def _current(self, pull: PullRequest) -> list[Review]:
        if self.reset_approvals_on_push:
            for one in pull.reviews:
                one.dismissed = one.dismissed or one.sha != pull.sha
        return pull.reviews

    def _approvals(self, call: Call) -> Answer:
        pull = self.merge_request(call)
        self._current(pull)
        return Answer(200, shapes.approvals(pull, call.login, call.base))

    def _approve(self, call: Call) -> Answer:
        pull = self.merge_request(call, "write")
        if call.body.get("sha") not in {None, pull.sha}:
            text = f"SHA does not match HEAD of source branch: {pull.sha}"
            raise self.refused(409, text)
        approves = [one for one in self._current(pull) if not one.dismissed and one.author.login == call.login]
        if pull.author.login == call.login or approves:
            raise self.refused(401, "401 Unauthorized")
        self.forge.review(pull, call.login)
        return Answer(201, shapes.approvals(pull, call.login, call.base))

    def _unapprove(self, call: Call) -> Answer:
        pull = self.merge_request(call)
        mine = [one for one in pull.reviews if one.author.login == call.login and not one.dismissed]
        if not mine:
            raise self.refused(404, "404 Not found")
        for one in mine:
            one.dismissed = True
        return Answer(201, shapes.approvals(pull, call.login, call.base))

    def _versions(self, call: Call) -> Answer:
        pull = self.merge_request(call)
        return self.listing(call, [shapes.version(pull, place) for place in reversed(range(len(pull.heads)))])
