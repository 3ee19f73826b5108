"""Gitea's JSON of what a forge holds; Forgejo's is the same."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.support.forges.model import Comment, Person, PullRequest, Repository, Review, Status

STATES = {"CHANGES_REQUESTED": "REQUEST_CHANGES", "COMMENTED": "COMMENT"}
"""Gitea's words for what the state keeps in GitHub's."""
LEVELS = {"triage": "read", "maintain": "write"}
_MODES = {"rebase": True, "rebase_explicit": True, "merge_commits": True, "squash_merge": True, "rebase_update": True}


def moment(at: datetime | None) -> str | None:
    """A moment as Gitea writes it."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ") if at else None


def person(who: Person, base: str) -> dict[str, Any]:
    """A `User`."""
    return {
        "id": who.id,
        "login": who.login,
        "login_name": "",
        "source_id": 0,
        "full_name": "",
        "email": f"{who.login}@noreply.example.com",
        "avatar_url": f"{base}/avatars/{who.id}",
        "html_url": f"{base}/{who.login}",
        "language": "",
        "is_admin": False,
        "last_login": "0001-01-01T00:00:00Z",
        "created": "2026-01-01T00:00:00Z",
        "restricted": False,
        "active": False,
        "prohibit_login": False,
        "location": "",
        "website": "",
        "description": "",
        "visibility": "public",
        "followers_count": 0,
        "following_count": 0,
        "starred_repos_count": 0,
    }


def repository(one: Repository, base: str, login: str = "") -> dict[str, Any]:
    """A `Repository`."""
    return {
        "id": one.id,
        "owner": person(one.owner, base),
        "name": one.name,
        "full_name": one.full_name,
        "description": "",
        "empty": False,
        "private": one.private,
        "fork": one.fork_of is not None,
        "template": False,
        "mirror": False,
        "size": 1,
        "language": "",
        "languages_url": f"{base}/api/v1/repos/{one.full_name}/languages",
        "html_url": f"{base}/{one.full_name}",
        "url": f"{base}/api/v1/repos/{one.full_name}",
        "link": "",
        "ssh_url": f"git@gitea.example.com:{one.full_name}.git",
        "clone_url": f"{base}/{one.full_name}.git",
        "original_url": "",
        "website": "",
        **dict.fromkeys(("stars_count", "forks_count", "watchers_count", "open_issues_count", "release_counter"), 0),
        "open_pr_counter": sum(pull.state == "open" for pull in one.pulls.values()),
        "default_branch": one.default_branch,
        "archived": False,
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
        "archived_at": "1970-01-01T00:00:00Z",
        "permissions": {
            "admin": one.may(login, "admin"),
            "push": one.may(login, "write"),
            "pull": one.may(login, "read"),
        },
        **{f"has_{name}": True for name in ("issues", "wiki", "pull_requests", "projects", "releases", "packages")},
        "has_actions": True,
        "ignore_whitespace_conflicts": False,
        **{f"allow_{name}": value for name, value in _MODES.items()},
        "allow_fast_forward_only_merge": True,
        "default_delete_branch_after_merge": False,
        "default_merge_style": "merge",
        "default_allow_maintainer_edit": False,
        "avatar_url": "",
        "internal": False,
        "mirror_interval": "",
        "object_format_name": "sha1",
        "mirror_updated": "0001-01-01T00:00:00Z",
        "topics": [],
        "licenses": [],
    } | ({"parent": repository(one.fork_of, base, login)} if one.fork_of else {})


def _end(one: Repository, branch: str, sha: str, base: str) -> dict[str, Any]:
    return {"label": branch, "ref": branch, "sha": sha, "repo_id": one.id, "repo": repository(one, base)}


def pull_request(pull: PullRequest, base: str) -> dict[str, Any]:
    """A `PullRequest`, in listings too."""
    html = f"{base}/{pull.base.full_name}/pulls/{pull.number}"
    start = pull.base.branches.get(pull.base_branch, "")
    return {
        "id": pull.id,
        "url": html,
        "number": pull.number,
        "user": person(pull.author, base),
        "title": f"WIP: {pull.title}" if pull.draft else pull.title,
        "body": pull.body,
        "labels": [],
        "milestone": None,
        "assignee": None,
        "assignees": [],
        "requested_reviewers": [],
        "requested_reviewers_teams": [],
        "state": pull.state,
        "draft": pull.draft,
        "is_locked": False,
        "comments": len(pull.comments),
        "additions": 1,
        "deletions": 1,
        "changed_files": 1,
        "html_url": html,
        "diff_url": f"{html}.diff",
        "patch_url": f"{html}.patch",
        "mergeable": pull.state == "open",
        "merged": pull.merged_at is not None,
        "merged_at": moment(pull.merged_at),
        "merge_commit_sha": pull.merge_sha,
        "merged_by": person(pull.merged_by, base) if pull.merged_by else None,
        "allow_maintainer_edit": False,
        "base": _end(pull.base, pull.base_branch, start, base),
        "head": _end(pull.head, pull.head_branch, pull.sha, base),
        "merge_base": start,
        "due_date": None,
        "created_at": moment(pull.created_at),
        "updated_at": moment(pull.updated_at),
        "closed_at": moment(pull.closed_at),
        "pin_order": 0,
    }


def comment(pull: PullRequest, one: Comment, base: str) -> dict[str, Any]:
    """A `Comment`."""
    html = f"{base}/{pull.base.full_name}/pulls/{pull.number}"
    return {
        "id": one.id,
        "html_url": f"{html}#issuecomment-{one.id}",
        "pull_request_url": html,
        "issue_url": "",
        "user": person(one.author, base),
        "original_author": "",
        "original_author_id": 0,
        "body": one.body,
        "assets": [],
        "created_at": moment(one.created_at),
        "updated_at": moment(one.updated_at),
    }


def status(one: Status, repo: Repository, base: str) -> dict[str, Any]:
    """A `CommitStatus`."""
    return {
        "id": one.id,
        "status": one.state,
        "target_url": one.target_url or "",
        "description": one.description,
        "url": f"{base}/api/v1/repos/{repo.full_name}/statuses/{one.sha}",
        "context": one.context,
        "creator": person(one.creator, base),
        "created_at": moment(one.created_at),
        "updated_at": moment(one.created_at),
    }


def review(pull: PullRequest, one: Review, base: str) -> dict[str, Any]:
    """A `PullReview`."""
    html = f"{base}/{pull.base.full_name}/pulls/{pull.number}"
    return {
        "id": one.id,
        "user": person(one.author, base),
        "team": None,
        "state": STATES.get(one.state, one.state),
        "body": one.body,
        "commit_id": one.sha,
        "stale": one.sha != pull.sha,
        "official": pull.base.may(one.author.login, "write"),
        "dismissed": one.dismissed,
        "comments_count": 0,
        "submitted_at": moment(one.submitted_at),
        "updated_at": moment(one.submitted_at),
        "html_url": f"{html}#issuecomment-{one.id}",
        "pull_request_url": html,
    }
