"""GitHub's JSON of what a forge holds, with every property that its published description requires."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote

from tests.support.forges.model import CheckRun, Comment, Person, PullRequest, Repository, Review, Status

_OF_A_PERSON = {
    "followers_url": "/followers",
    "following_url": "/following{/other_user}",
    "gists_url": "/gists{/gist_id}",
    "starred_url": "/starred{/owner}{/repo}",
    "subscriptions_url": "/subscriptions",
    "organizations_url": "/orgs",
    "repos_url": "/repos",
    "events_url": "/events{/privacy}",
    "received_events_url": "/received_events",
}
_OF_A_REPOSITORY = {
    "archive_url": "/{archive_format}{/ref}",
    "assignees_url": "/assignees{/user}",
    "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}",
    "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}",
    "commits_url": "/commits{/sha}",
    "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}",
    "contributors_url": "/contributors",
    "deployments_url": "/deployments",
    "downloads_url": "/downloads",
    "events_url": "/events",
    "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "issues_url": "/issues{/number}",
    "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}",
    "languages_url": "/languages",
    "merges_url": "/merges",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}",
    "releases_url": "/releases{/id}",
    "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "tags_url": "/tags",
    "teams_url": "/teams",
    "trees_url": "/git/trees{/sha}",
}
_COUNTS = ("forks", "forks_count", "open_issues", "open_issues_count", "size", "stargazers_count", "watchers")


def moment(at: datetime | None) -> str | None:
    """A moment as GitHub writes it."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ") if at else None


def person(who: Person, base: str) -> dict[str, Any]:
    """A `simple-user`."""
    login = quote(who.login)
    url = f"{base}/users/{login}"
    return {
        "login": who.login,
        "id": who.id,
        "node_id": f"U_{who.id}",
        "avatar_url": f"{base}/avatars/{who.id}",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{base}/{login}",
        **{name: url + rest for name, rest in _OF_A_PERSON.items()},
        "type": who.kind,
        "site_admin": False,
    }


def account(who: Person, base: str) -> dict[str, Any]:
    """A `public-user`, which is more than others see of a person in a comment."""
    moment = "2026-01-01T00:00:00Z"
    unknown = ("name", "company", "blog", "location", "email", "notification_email", "hireable", "bio")
    counts = dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0)
    return {**person(who, base), **dict.fromkeys(unknown), **counts, "created_at": moment, "updated_at": moment}


def repository(one: Repository, base: str, login: str = "") -> dict[str, Any]:
    """A `full-repository`."""
    url = f"{base}/repos/{one.full_name}"
    shape = {
        "id": one.id,
        "node_id": f"R_{one.id}",
        "name": one.name,
        "full_name": one.full_name,
        "private": one.private,
        "owner": person(one.owner, base),
        "html_url": f"{base}/{one.full_name}",
        "description": None,
        "fork": one.fork_of is not None,
        "url": url,
        **{name: url + rest for name, rest in _OF_A_REPOSITORY.items()},
        "clone_url": f"{base}/{one.full_name}.git",
        "git_url": f"git://github.example.com/{one.full_name}.git",
        "ssh_url": f"git@github.example.com:{one.full_name}.git",
        "svn_url": f"{base}/{one.full_name}",
        "mirror_url": None,
        "homepage": None,
        "language": None,
        "license": None,
        "default_branch": one.default_branch,
        **dict.fromkeys((*_COUNTS, "watchers_count", "network_count", "subscribers_count"), 0),
        **dict.fromkeys(("has_issues", "has_projects", "has_wiki", "has_downloads", "has_discussions"), True),
        "topics": [],
        "has_pages": False,
        "archived": False,
        "disabled": False,
        "visibility": "private" if one.private else "public",
        **dict.fromkeys(("pushed_at", "created_at", "updated_at"), "2026-01-01T00:00:00Z"),
        "permissions": {
            "admin": one.may(login, "admin"),
            "maintain": one.may(login, "maintain"),
            "push": one.may(login, "write"),
            "triage": one.may(login, "triage"),
            "pull": one.may(login, "read"),
        },
    }
    if one.fork_of is not None:
        shape["parent"] = shape["source"] = repository(one.fork_of, base, login)
    return shape


def _end(one: Repository, branch: str, sha: str, base: str) -> dict[str, Any]:
    return {
        "label": f"{one.owner.login}:{branch}",
        "ref": branch,
        "sha": sha,
        "user": person(one.owner, base),
        "repo": repository(one, base),
    }


def pull_request(pull: PullRequest, base: str, *, full: bool = True) -> dict[str, Any]:
    """A `pull-request`, or a `pull-request-simple` as listings have it."""
    url = f"{base}/repos/{pull.base.full_name}/pulls/{pull.number}"
    issue = f"{base}/repos/{pull.base.full_name}/issues/{pull.number}"
    html = f"{base}/{pull.base.full_name}/pull/{pull.number}"
    statuses = f"{base}/repos/{pull.base.full_name}/statuses/{pull.sha}"
    links = {
        "self": url,
        "html": html,
        "issue": issue,
        "comments": f"{issue}/comments",
        "statuses": statuses,
        "review_comments": f"{url}/comments",
        "review_comment": f"{base}/repos/{pull.base.full_name}/pulls/comments{{/number}}",
        "commits": f"{url}/commits",
    }
    shape = {
        "id": pull.id,
        "node_id": f"PR_{pull.id}",
        "number": pull.number,
        "state": pull.state,
        "locked": False,
        "title": pull.title,
        "body": pull.body or None,
        "user": person(pull.author, base),
        "draft": pull.draft,
        "url": url,
        "html_url": html,
        "diff_url": f"{html}.diff",
        "patch_url": f"{html}.patch",
        "issue_url": issue,
        "commits_url": links["commits"],
        "review_comments_url": links["review_comments"],
        "review_comment_url": links["review_comment"],
        "comments_url": links["comments"],
        "statuses_url": links["statuses"],
        "created_at": moment(pull.created_at),
        "updated_at": moment(pull.updated_at),
        "closed_at": moment(pull.closed_at),
        "merged_at": moment(pull.merged_at),
        "merge_commit_sha": pull.merge_sha,
        "labels": [],
        "assignee": None,
        "assignees": [],
        "requested_reviewers": [],
        "requested_teams": [],
        "milestone": None,
        "head": _end(pull.head, pull.head_branch, pull.sha, base),
        "base": _end(pull.base, pull.base_branch, pull.base.branches.get(pull.base_branch, ""), base),
        "_links": {name: {"href": link} for name, link in links.items()},
        "author_association": "CONTRIBUTOR",
        "auto_merge": None,
        "active_lock_reason": None,
    }
    return shape | _counted(pull, base) if full else shape


def _counted(pull: PullRequest, base: str) -> dict[str, Any]:
    return {
        "merged": pull.merged_at is not None,
        "mergeable": None if pull.state == "closed" else True,
        "rebaseable": None if pull.state == "closed" else True,
        "mergeable_state": "unknown" if pull.state == "closed" else "clean",
        "merged_by": person(pull.merged_by, base) if pull.merged_by else None,
        "maintainer_can_modify": pull.head is not pull.base,
        "comments": len(pull.comments),
        "review_comments": 0,
        "commits": len(pull.heads),
        "additions": 1,
        "deletions": 1,
        "changed_files": 1,
    }


def comment(pull: PullRequest, one: Comment, base: str) -> dict[str, Any]:
    """An `issue-comment`."""
    repo = f"{base}/repos/{pull.base.full_name}"
    return {
        "id": one.id,
        "node_id": f"IC_{one.id}",
        "url": f"{repo}/issues/comments/{one.id}",
        "html_url": f"{base}/{pull.base.full_name}/pull/{pull.number}#issuecomment-{one.id}",
        "issue_url": f"{repo}/issues/{pull.number}",
        "body": one.body,
        "user": person(one.author, base),
        "created_at": moment(one.created_at),
        "updated_at": moment(one.updated_at),
        "author_association": "CONTRIBUTOR",
        "performed_via_github_app": None,
    }


def status(one: Status, repo: Repository, base: str) -> dict[str, Any]:
    """A `status`."""
    return {
        "id": one.id,
        "node_id": f"SC_{one.id}",
        "url": f"{base}/repos/{repo.full_name}/statuses/{one.sha}",
        "avatar_url": f"{base}/avatars/{one.creator.id}",
        "state": one.state,
        "description": one.description,
        "target_url": one.target_url,
        "context": one.context,
        "created_at": moment(one.created_at),
        "updated_at": moment(one.created_at),
        "creator": person(one.creator, base),
    }


def check_run(one: CheckRun, repo: Repository, base: str) -> dict[str, Any]:
    """A `check-run`."""
    url = f"{base}/repos/{repo.full_name}/check-runs/{one.id}"
    output = one.values.get("output") or {}
    completed = one.values.get("conclusion") is not None
    shown = {name: output.get(name) for name in ("title", "summary", "text")}
    shown |= {"annotations_count": len(one.annotations), "annotations_url": f"{url}/annotations"}
    return {
        "id": one.id,
        "node_id": f"CR_{one.id}",
        "name": one.name,
        "head_sha": one.sha,
        "external_id": one.values.get("external_id", ""),
        "url": url,
        "html_url": f"{base}/{repo.full_name}/runs/{one.id}",
        "details_url": one.values.get("details_url"),
        "status": "completed" if completed else one.values.get("status", "queued"),
        "conclusion": one.values.get("conclusion"),
        "started_at": one.values.get("started_at") or moment(one.started_at),
        "completed_at": (one.values.get("completed_at") or moment(one.started_at)) if completed else None,
        "output": shown,
        "check_suite": {"id": one.app_id},
        "app": None,
        "pull_requests": [],
    }


def annotation(sent: dict[str, Any], one: CheckRun, repo: Repository, base: str) -> dict[str, Any]:
    """A `check-annotation`."""
    names = ("path", "start_line", "end_line", "start_column", "end_column", "annotation_level", "title", "message")
    shape = {name: sent.get(name) for name in (*names, "raw_details")}
    return {**shape, "blob_href": f"{base}/repos/{repo.full_name}/git/blobs/{one.sha}"}


def review(pull: PullRequest, one: Review, base: str) -> dict[str, Any]:
    """A `pull-request-review`."""
    url = f"{base}/repos/{pull.base.full_name}/pulls/{pull.number}"
    html = f"{base}/{pull.base.full_name}/pull/{pull.number}#pullrequestreview-{one.id}"
    return {
        "id": one.id,
        "node_id": f"PRR_{one.id}",
        "user": person(one.author, base),
        "body": one.body,
        "state": "DISMISSED" if one.dismissed else one.state,
        "html_url": html,
        "pull_request_url": url,
        "_links": {"html": {"href": html}, "pull_request": {"href": url}},
        "submitted_at": moment(one.submitted_at),
        "commit_id": one.sha,
        "author_association": "COLLABORATOR",
    }
