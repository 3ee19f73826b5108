"""GitLab's JSON of what a forge holds."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.support.forges.model import Comment, Person, PullRequest, Repository, Status

LEVELS = {"none": 0, "read": 20, "triage": 20, "write": 30, "maintain": 40, "admin": 50}
"""GitLab's access levels: reporter 20, developer 30, maintainer 40, owner 50."""


def moment(at: datetime | None) -> str | None:
    """A moment as GitLab writes it, with milliseconds."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z") if at else None


def person(who: Person, base: str) -> dict[str, Any]:
    """A user as others see it."""
    return {
        "id": who.id,
        "username": who.login,
        "public_email": "",
        "name": who.login.capitalize(),
        "state": "active",
        "locked": False,
        "avatar_url": None,
        "web_url": f"{base}/{who.login}",
    }


def project(one: Repository, base: str) -> dict[str, Any]:
    """A project."""
    shape = {
        "id": one.id,
        "description": None,
        "name": one.name,
        "name_with_namespace": f"{one.owner.login} / {one.name}",
        "path": one.name,
        "path_with_namespace": one.full_name,
        "created_at": "2026-01-01T00:00:00.000Z",
        "default_branch": one.default_branch,
        "tag_list": [],
        "topics": [],
        "ssh_url_to_repo": f"git@gitlab.example.com:{one.full_name}.git",
        "http_url_to_repo": f"{base}/{one.full_name}.git",
        "web_url": f"{base}/{one.full_name}",
        "readme_url": None,
        "forks_count": 0,
        "avatar_url": None,
        "star_count": 0,
        "last_activity_at": "2026-01-01T00:00:00.000Z",
        "visibility": "private" if one.private else "public",
        "archived": False,
        "namespace": {
            "id": one.owner.id,
            "name": one.owner.login,
            "path": one.owner.login,
            "kind": "group" if one.owner.kind == "Organization" else "user",
            "full_path": one.owner.login,
            "parent_id": None,
        },
        "merge_requests_enabled": True,
        "merge_method": "merge",
    }
    if one.fork_of is not None:
        shape["forked_from_project"] = {"id": one.fork_of.id, "path_with_namespace": one.fork_of.full_name}
    return shape


def merge_request(pull: PullRequest, base: str, *, full: bool = True) -> dict[str, Any]:
    """A merge request, or what a listing has of it."""
    state = "merged" if pull.merged_at else "opened" if pull.state == "open" else "closed"
    shape = {
        "id": pull.id,
        "iid": pull.number,
        "project_id": pull.base.id,
        "title": f"Draft: {pull.title}" if pull.draft else pull.title,
        "description": pull.body,
        "state": state,
        "created_at": moment(pull.created_at),
        "updated_at": moment(pull.updated_at),
        "merged_by": person(pull.merged_by, base) if pull.merged_by else None,
        "merge_user": person(pull.merged_by, base) if pull.merged_by else None,
        "merged_at": moment(pull.merged_at),
        "closed_by": None,
        "closed_at": None if pull.merged_at else moment(pull.closed_at),
        "target_branch": pull.base_branch,
        "source_branch": pull.head_branch,
        "user_notes_count": sum(not one.system for one in pull.comments),
        "upvotes": 0,
        "downvotes": 0,
        "author": person(pull.author, base),
        "assignees": [],
        "assignee": None,
        "reviewers": [],
        "source_project_id": pull.head.id,
        "target_project_id": pull.base.id,
        "labels": [],
        "draft": pull.draft,
        "work_in_progress": pull.draft,
        "milestone": None,
        "merge_when_pipeline_succeeds": False,
        "merge_status": "can_be_merged",
        "detailed_merge_status": "mergeable" if state == "opened" else "not_open",
        "sha": pull.sha,
        "merge_commit_sha": pull.merge_sha,
        "squash_commit_sha": None,
        "discussion_locked": None,
        "should_remove_source_branch": None,
        "force_remove_source_branch": None,
        "reference": f"!{pull.number}",
        "references": {
            "short": f"!{pull.number}",
            "relative": f"!{pull.number}",
            "full": f"{pull.base.full_name}!{pull.number}",
        },
        "web_url": f"{base}/{pull.base.full_name}/-/merge_requests/{pull.number}",
        "squash": False,
        "task_completion_status": {"count": 0, "completed_count": 0},
        "has_conflicts": False,
        "blocking_discussions_resolved": True,
    }
    return shape | _details(pull) if full else shape


def _details(pull: PullRequest) -> dict[str, Any]:
    start = pull.base.branches.get(pull.base_branch)
    return {
        "subscribed": False,
        "changes_count": "1",
        "latest_build_started_at": None,
        "latest_build_finished_at": None,
        "first_deployed_to_production_at": None,
        "pipeline": None,
        "head_pipeline": None,
        "diff_refs": {"base_sha": start, "head_sha": pull.sha, "start_sha": start},
        "merge_error": None,
        "first_contribution": False,
        "user": {"can_merge": True},
    }


def note(pull: PullRequest, one: Comment, base: str) -> dict[str, Any]:
    """A note; `system` are those that GitLab itself writes."""
    return {
        "id": one.id,
        "type": None,
        "body": one.body,
        "author": person(one.author, base),
        "created_at": moment(one.created_at),
        "updated_at": moment(one.updated_at),
        "system": one.system,
        "noteable_id": pull.id,
        "noteable_type": "MergeRequest",
        "project_id": pull.base.id,
        "resolvable": False,
        "confidential": False,
        "internal": False,
        "imported": False,
        "imported_from": "none",
        "noteable_iid": pull.number,
        "commands_changes": {},
    }


def status(one: Status, base: str) -> dict[str, Any]:
    """A commit status."""
    return {
        "id": one.id,
        "sha": one.sha,
        "ref": "main",
        "status": one.state,
        "name": one.context,
        "target_url": one.target_url,
        "description": one.description or None,
        "created_at": moment(one.created_at),
        "started_at": None,
        "finished_at": moment(one.created_at) if one.state in {"success", "failed", "canceled"} else None,
        "allow_failure": False,
        "coverage": None,
        "pipeline_id": 1,
        "author": person(one.creator, base),
    }


def approvals(pull: PullRequest, login: str, base: str) -> dict[str, Any]:
    """Who approves a merge request now."""
    counted = [one for one in pull.reviews if one.state == "APPROVED" and not one.dismissed]
    return {
        "id": pull.id,
        "iid": pull.number,
        "project_id": pull.base.id,
        "title": pull.title,
        "description": pull.body,
        "state": "merged" if pull.merged_at else "opened" if pull.state == "open" else "closed",
        "created_at": moment(pull.created_at),
        "updated_at": moment(pull.updated_at),
        "merge_status": "can_be_merged",
        "approved": True,
        "approvals_required": 0,
        "approvals_left": 0,
        "require_password_to_approve": False,
        "approved_by": [{"user": person(one.author, base), "approved_at": moment(one.submitted_at)} for one in counted],
        "suggested_approvers": [],
        "approvers": [],
        "approver_groups": [],
        "user_has_approved": login in [one.author.login for one in counted],
        "user_can_approve": login != pull.author.login,
        "approval_rules_left": [],
        "has_approval_rules": False,
        "merge_request_approvers_available": True,
        "multiple_approval_rules_available": True,
        "invalid_approvers_rules": [],
    }


def version(pull: PullRequest, place: int) -> dict[str, Any]:
    """One version of a merge request's diff: a head, and since when."""
    sha, at = pull.heads[place]
    start = pull.base.branches.get(pull.base_branch)
    return {
        "id": pull.id * 1000 + place,
        "head_commit_sha": sha,
        "base_commit_sha": start,
        "start_commit_sha": start,
        "created_at": moment(at),
        "merge_request_id": pull.id,
        "state": "collected",
        "real_size": "1",
        "patch_id_sha": None,
    }
