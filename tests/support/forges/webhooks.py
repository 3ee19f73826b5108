"""What the forges send of their own accord: pushes and pull requests, signed, with each forge's payload and headers.

Sources: the webhooks of GitHub's published description, and the documentation of GitLab, Gitea and Forgejo.
"""

from __future__ import annotations

import hmac
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from tests.support.forges import gitea_shapes, github_shapes, gitlab_shapes
from tests.support.forges.model import Person, PullRequest, Repository

_NEW_BRANCH = "0" * 40
_COMMIT = {
    "message": "Change flows\n",
    "timestamp": "2026-03-02T09:00:00Z",
    "added": [],
    "removed": [],
    "modified": ["manifests/flows.yaml"],
}
_AUTHOR = {"name": "Flow Author", "email": "author@example.com"}


@dataclass(frozen=True, slots=True)
class Message:
    """One delivery."""

    headers: Mapping[str, str]
    body: bytes

    def send(self, url: str) -> httpx.Response:
        """Deliver it. Forges give up after ten seconds."""
        return httpx.post(url, content=self.body, headers=dict(self.headers), timeout=10)


class GitHubHooks:
    """A repository's webhook on GitHub; `base` is the forge's URL."""

    def __init__(self, base: str, secret: str) -> None:
        self._base = base
        self._secret = secret

    def push(self, repository: Repository, branch: str, *, before: str = _NEW_BRANCH, by: str = "ada") -> Message:
        """A branch has a new commit."""
        after, url = repository.branches[branch], f"{self._base}/{repository.full_name}"
        commit = {
            **_COMMIT,
            "id": after,
            "tree_id": after,
            "distinct": True,
            "url": f"{url}/commit/{after}",
            "author": _AUTHOR,
            "committer": _AUTHOR,
        }
        payload = {
            "ref": f"refs/heads/{branch}",
            "before": before,
            "after": after,
            "created": before == _NEW_BRANCH,
            "deleted": False,
            "forced": False,
            "base_ref": None,
            "compare": f"{url}/compare/{before[:12]}...{after[:12]}",
            "commits": [commit],
            "head_commit": commit,
            "repository": self._repository(repository),
            "pusher": {"name": by, "email": f"{by}@example.com"},
            "sender": github_shapes.person(Person(1, by), self._base),
        }
        return self._message("push", payload)

    def pull_request(self, pull: PullRequest, action: str, *, by: str = "ada") -> Message:
        """`opened`, `synchronize`, `closed`, `reopened` or `edited`."""
        payload = {
            "action": action,
            "number": pull.number,
            "pull_request": github_shapes.pull_request(pull, self._base),
            "repository": self._repository(pull.base),
            "sender": github_shapes.person(Person(1, by), self._base),
        }
        if action == "synchronize":
            payload |= {"before": pull.heads[-2][0], "after": pull.sha}
        if action == "edited":
            payload["changes"] = {"title": {"from": "Another title"}}
        return self._message("pull_request", payload)

    def _repository(self, one: Repository) -> dict[str, Any]:
        shape = github_shapes.repository(one, self._base)
        return {name: value for name, value in shape.items() if name not in {"permissions", "parent", "source"}}

    def _message(self, event: str, payload: dict[str, Any]) -> Message:
        body = json.dumps(payload).encode()
        headers = {
            "content-type": "application/json",
            "user-agent": "GitHub-Hookshot/0123456",
            "x-github-delivery": str(uuid.uuid4()),
            "x-github-event": event,
            "x-github-hook-id": "1",
            "x-github-hook-installation-target-type": "repository",
            "x-hub-signature": f"sha1={hmac.digest(self._secret.encode(), body, 'sha1').hex()}",
            "x-hub-signature-256": f"sha256={hmac.digest(self._secret.encode(), body, 'sha256').hex()}",
        }
        return Message(headers, body)


class GitLabHooks:
    """A project's webhook on GitLab, which sends the secret itself."""

    def __init__(self, base: str, secret: str) -> None:
        self._base = base
        self._secret = secret

    def push(self, repository: Repository, branch: str, *, before: str = _NEW_BRANCH, by: str = "ada") -> Message:
        """A branch has a new commit."""
        after, url = repository.branches[branch], f"{self._base}/{repository.full_name}"
        payload = {
            "object_kind": "push",
            "event_name": "push",
            "before": before,
            "after": after,
            "ref": f"refs/heads/{branch}",
            "ref_protected": True,
            "checkout_sha": after,
            "message": None,
            "user_id": 1,
            "user_name": by.capitalize(),
            "user_username": by,
            "user_email": None,
            "user_avatar": None,
            "project_id": repository.id,
            "project": self._project(repository),
            "commits": [
                {**_COMMIT, "id": after, "title": "Change flows", "url": f"{url}/-/commit/{after}", "author": _AUTHOR}
            ],
            "total_commits_count": 1,
            "push_options": {},
            "repository": self._repository(repository),
        }
        return self._message("Push Hook", payload)

    def merge_request(self, pull: PullRequest, action: str, *, by: str = "ada") -> Message:
        """`open`, `update`, `close`, `reopen`, `merge`, `approved` or `unapproved`."""
        shown = gitlab_shapes.merge_request(pull, self._base)
        names = ("id", "iid", "title", "description", "state", "created_at", "updated_at", "target_branch")
        names += ("source_branch", "source_project_id", "target_project_id", "merge_status", "detailed_merge_status")
        names += ("work_in_progress", "draft", "merge_commit_sha")
        attributes = {name: shown[name] for name in names} | {
            "author_id": pull.author.id,
            "url": shown["web_url"],
            "source": self._project(pull.head),
            "target": self._project(pull.base),
            "last_commit": {**_COMMIT, "id": pull.sha, "title": "Change flows", "author": _AUTHOR},
            "action": action,
        }
        if action == "update" and len(pull.heads) > 1:
            attributes["oldrev"] = pull.heads[-2][0]
        payload = {
            "object_kind": "merge_request",
            "event_type": "merge_request",
            "user": {"id": 1, "name": by.capitalize(), "username": by, "avatar_url": None, "email": "[REDACTED]"},
            "project": self._project(pull.base),
            "object_attributes": attributes,
            "labels": [],
            "changes": {},
            "repository": self._repository(pull.base),
        }
        return self._message("Merge Request Hook", payload)

    def _project(self, one: Repository) -> dict[str, Any]:
        shown = gitlab_shapes.project(one, self._base)
        names = ("id", "name", "description", "web_url", "avatar_url", "path_with_namespace", "default_branch")
        ssh, http = shown["ssh_url_to_repo"], shown["http_url_to_repo"]
        urls = {"git_ssh_url": ssh, "git_http_url": http, "ssh_url": ssh, "http_url": http, "url": ssh}
        more = {"namespace": one.owner.login, "visibility_level": 0, "ci_config_path": None}
        return {**{name: shown[name] for name in names}, **urls, **more, "homepage": shown["web_url"]}

    def _repository(self, one: Repository) -> dict[str, Any]:
        names = ("name", "url", "description", "homepage", "git_http_url", "git_ssh_url", "visibility_level")
        project = self._project(one)
        return {name: project[name] for name in names}

    def _message(self, event: str, payload: dict[str, Any]) -> Message:
        number = str(uuid.uuid4())
        headers = {
            "content-type": "application/json",
            "user-agent": "GitLab/18.5.0-ee",
            "idempotency-key": number,
            "x-gitlab-event": event,
            "x-gitlab-event-uuid": number,
            "x-gitlab-webhook-uuid": str(uuid.uuid4()),
            "x-gitlab-instance": self._base,
            "x-gitlab-token": self._secret,
        }
        return Message(headers, json.dumps(payload).encode())


class GiteaHooks:
    """A repository's webhook on Gitea, or on Forgejo, which names its headers a third time."""

    def __init__(self, base: str, secret: str, *, forgejo: bool = False) -> None:
        self._base = base
        self._secret = secret
        self._names = ("Gitea", "Gogs", "Forgejo") if forgejo else ("Gitea", "Gogs")

    def push(self, repository: Repository, branch: str, *, before: str = _NEW_BRANCH, by: str = "ada") -> Message:
        """A branch has a new commit."""
        after, url = repository.branches[branch], f"{self._base}/{repository.full_name}"
        who = gitea_shapes.person(Person(1, by), self._base)
        author = {**_AUTHOR, "username": by}
        commit = {
            **_COMMIT,
            "id": after,
            "url": f"{url}/commit/{after}",
            "author": author,
            "committer": author,
            "verification": None,
        }
        payload = {
            "ref": f"refs/heads/{branch}",
            "before": before,
            "after": after,
            "compare_url": f"{url}/compare/{before}...{after}",
            "commits": [commit],
            "total_commits": 1,
            "head_commit": commit,
            "repository": gitea_shapes.repository(repository, self._base, by),
            "pusher": who,
            "sender": who,
        }
        return self._message("push", "push", payload)

    def pull_request(self, pull: PullRequest, action: str, *, by: str = "ada") -> Message:
        """`opened`, `synchronized`, `closed`, `reopened`, `edited`, or `reviewed` for an approval."""
        payload = {
            "action": action,
            "number": pull.number,
            "pull_request": gitea_shapes.pull_request(pull, self._base),
            "requested_reviewer": None,
            "repository": gitea_shapes.repository(pull.base, self._base, by),
            "sender": gitea_shapes.person(Person(1, by), self._base),
            "commit_id": "",
            "review": {"type": "pull_request_review_approved", "content": ""} if action == "reviewed" else None,
        }
        kinds = {"synchronized": "pull_request_sync", "reviewed": "pull_request_review_approved"}
        event = "pull_request_approved" if action == "reviewed" else "pull_request"
        return self._message(event, kinds.get(action, "pull_request"), payload)

    def _message(self, event: str, kind: str, payload: dict[str, Any]) -> Message:
        body = json.dumps(payload, indent=2).encode()
        signature = hmac.digest(self._secret.encode(), body, "sha256").hex()
        number = str(uuid.uuid4())
        headers = {"content-type": "application/json", "user-agent": "Go-http-client/1.1"}
        for name in self._names:
            about = {"delivery": number, "event": event, "event-type": kind, "signature": signature}
            headers |= {f"x-{name.lower()}-{key}": value for key, value in about.items()}
        headers |= {
            "x-github-delivery": number,
            "x-github-event": event,
            "x-github-event-type": kind,
            "x-hub-signature": f"sha1={hmac.digest(self._secret.encode(), body, 'sha1').hex()}",
            "x-hub-signature-256": f"sha256={signature}",
        }
        return Message(headers, body)
