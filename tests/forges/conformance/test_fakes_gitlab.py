"""The fake of GitLab is driven by python-gitlab, which knows nothing of Penstock: it understands every answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gitlab
import httpx
import pytest

from tests.support.forges.gitlab import LONGEST_NOTE, GitLab
from tests.support.forges.gitlab_access import GitLabToken
from tests.support.forges.model import PullRequest
from tests.support.forges.server import Answer, Limit, served

NAME = "acme/flows"


@pytest.fixture
def forge() -> GitLab:
    made = GitLab()
    repository = made.forge.repository(NAME)
    made.forge.grant(repository, "write", "ada", "grace", "penstock")
    made.forge.grant(repository, "maintain", "max")
    made.forge.grant(repository, "read", "carol")
    for login in ("ada", "grace", "carol", "penstock", "max"):
        made.tokens[f"token-of-{login}"] = GitLabToken(login)
    return made


@pytest.fixture
def url(forge: GitLab) -> Iterator[str]:
    with served(forge) as base:
        yield base


@pytest.fixture
def pull(forge: GitLab) -> PullRequest:
    repository = forge.forge.find(NAME)
    assert repository is not None
    return forge.forge.pull_request(repository, "ada", "greeting", title="Change the greeting", body="Why")


def client(url: str, login: str = "penstock") -> gitlab.Gitlab:
    return gitlab.Gitlab(url, private_token=f"token-of-{login}", retry_transient_errors=False)


def project(url: str, login: str = "penstock") -> Any:
    return client(url, login).projects.get(NAME)


def test_a_project_and_the_token_s_person_are_told(url: str, forge: GitLab) -> None:
    speaker = client(url)
    speaker.auth()
    assert speaker.user is not None
    assert speaker.user.username == "penstock"
    found = speaker.projects.get(NAME)
    assert (found.path_with_namespace, found.default_branch, found.visibility) == (NAME, "main", "private")
    assert speaker.projects.get(found.id).path_with_namespace == NAME
    assert speaker.version()[0] == "18.5.0-ee"


def test_merge_requests_are_listed_by_state_and_branches(url: str, forge: GitLab, pull: PullRequest) -> None:
    fork = forge.forge.repository("carol/flows", fork_of=pull.base)
    forge.forge.pull_request(pull.base, "carol", "menu", head=fork, draft=True)
    forge.forge.merge(forge.forge.pull_request(pull.base, "ada", "done"), "grace")
    forge.forge.close(forge.forge.pull_request(pull.base, "ada", "dropped"))
    listed = project(url).mergerequests.list
    assert [one.iid for one in listed(state="opened", get_all=True)] == [2, 1]
    assert [one.iid for one in listed(state="opened", sort="asc", get_all=True)] == [1, 2]
    assert [one.iid for one in listed(state="merged", get_all=True)] == [3]
    assert [one.iid for one in listed(state="closed", get_all=True)] == [4]
    assert [one.iid for one in listed(source_branch="greeting", target_branch="main", get_all=True)] == [1]
    forked = project(url).mergerequests.get(2)
    assert (forked.source_project_id, forked.target_project_id, forked.draft) == (fork.id, pull.base.id, True)
    merged = project(url).mergerequests.get(3)
    assert (merged.state, merged.merge_user["username"]) == ("merged", "grace")
    assert merged.merge_commit_sha == pull.base.branches["main"]
    with pytest.raises(gitlab.GitlabListError, match="state does not have a valid value"):
        listed(state="open")


def test_pages_follow_each_other_until_the_last(url: str, forge: GitLab, pull: PullRequest) -> None:
    for number in range(2, 231):
        forge.forge.pull_request(pull.base, "ada", f"branch-{number}")
    found = project(url).mergerequests.list(per_page=100, sort="asc", iterator=True)
    assert (found.total, found.total_pages, found.per_page) == (230, 3, 100)
    assert [one.iid for one in found] == list(range(1, 231))
    assert forge.count("GET", "/merge_requests") == 3
    assert len(project(url).mergerequests.list(page=1)) == 20


def test_a_note_is_made_changed_listed_and_deleted(url: str, forge: GitLab, pull: PullRequest) -> None:
    notes = project(url).mergerequests.get(1).notes
    forge.forge.comment(pull, "ada", "added 1 commit", system=True)
    forge.forge.pass_time(60)
    made = notes.create({"body": "the plan"})
    forge.forge.pass_time(60)
    made.body = "the new plan"
    made.save()
    listed = [(one.author["username"], one.body, one.system) for one in notes.list(sort="asc", get_all=True)]
    assert listed == [("ada", "added 1 commit", True), ("penstock", "the new plan", False)]
    assert [one.body for one in notes.list(get_all=True)] == ["the new plan", "added 1 commit"]
    assert [one.body for one in notes.list(activity_filter="only_comments", get_all=True)] == ["the new plan"]
    again = notes.get(made.id)
    assert (again.created_at, again.updated_at) == ("2026-03-02T09:01:00.000Z", "2026-03-02T09:02:00.000Z")
    made.delete()
    with pytest.raises(gitlab.GitlabGetError, match="404"):
        notes.get(made.id)
    assert [one.body for one in pull.comments] == ["added 1 commit"]


def test_a_note_of_a_million_characters_is_taken_and_a_longer_one_is_not(url: str, pull: PullRequest) -> None:
    notes = project(url).mergerequests.get(1).notes
    notes.create({"body": "x" * LONGEST_NOTE})
    with pytest.raises(gitlab.GitlabCreateError, match="maximum is 1000000 characters") as caught:
        notes.create({"body": "x" * (LONGEST_NOTE + 1)})
    assert caught.value.response_code == 400


def test_only_a_maintainer_changes_a_note_of_another(url: str, forge: GitLab, pull: PullRequest) -> None:
    made = forge.forge.comment(pull, "ada", "mine")
    project(url, "max").mergerequests.get(1).notes.update(made.id, {"body": "his"})
    with pytest.raises(gitlab.GitlabUpdateError, match="403"):
        project(url, "grace").mergerequests.get(1).notes.update(made.id, {"body": "hers"})
    assert made.body == "his"


def test_the_last_status_of_a_name_counts(url: str, forge: GitLab, pull: PullRequest) -> None:
    statuses = project(url).commits.get(pull.sha).statuses
    statuses.create({"state": "pending", "name": "penstock/plan", "description": "planning"})
    with pytest.raises(gitlab.GitlabCreateError, match="Cannot transition status via :enqueue from :pending"):
        statuses.create({"state": "pending", "name": "penstock/plan"})
    statuses.create({"state": "failed", "name": "penstock/plan", "target_url": "https://ci.example.com/1"})
    statuses.create({"state": "success", "name": "lint"})
    assert [(one.name, one.status) for one in statuses.list()] == [("lint", "success"), ("penstock/plan", "failed")]
    assert len(statuses.list(query_parameters={"all": "true"})) == 3
    with pytest.raises(gitlab.GitlabCreateError, match="maximum is 255 characters"):
        statuses.create({"state": "success", "name": "lint", "description": "d" * 256})
    with pytest.raises(gitlab.GitlabCreateError, match="state does not have a valid value"):
        statuses.create({"state": "failure", "name": "lint"})


def test_the_status_of_a_fork_s_commit_needs_a_ref(url: str, forge: GitLab, pull: PullRequest) -> None:
    fork = forge.forge.repository("carol/flows", fork_of=pull.base)
    forked = forge.forge.pull_request(pull.base, "carol", "menu", head=fork)
    statuses = project(url).commits.get(forked.sha).statuses
    with pytest.raises(gitlab.GitlabCreateError, match="404 References for commit Not Found"):
        statuses.create({"state": "success", "name": "lint"})
    statuses.create({"state": "success", "name": "lint", "ref": "menu"})
    assert [one.status for one in statuses.list()] == ["success"]


def test_approvals_are_given_withdrawn_and_reset_by_a_push(url: str, forge: GitLab, pull: PullRequest) -> None:
    def approved_by() -> list[str]:
        found = project(url).mergerequests.get(1).approvals.get()
        return [one["user"]["username"] for one in found.approved_by]

    grace = project(url, "grace").mergerequests.get(1)
    grace.approve(sha=pull.sha)
    assert approved_by() == ["grace"]
    grace.unapprove()
    assert approved_by() == []
    with pytest.raises(gitlab.GitlabMRApprovalError, match="SHA does not match HEAD"):
        grace.approve(sha="0" * 40)
    with pytest.raises(gitlab.GitlabAuthenticationError, match="401"):
        project(url, "ada").mergerequests.get(1).approve()
    grace.approve()
    forge.forge.push(pull.head, "greeting")
    assert approved_by() == []
    forge.reset_approvals_on_push = False
    grace.approve()
    forge.forge.pass_time(60)
    forge.forge.push(pull.head, "greeting")
    assert approved_by() == ["grace"]


def test_the_heads_of_a_merge_request_are_kept_with_their_times(url: str, forge: GitLab, pull: PullRequest) -> None:
    first = pull.sha
    forge.forge.pass_time(60)
    forge.forge.push(pull.head, "greeting")
    found = project(url).mergerequests.get(1).diffs.list(get_all=True)
    assert [(one.head_commit_sha, one.created_at) for one in found] == [
        (pull.sha, "2026-03-02T09:01:00.000Z"),
        (first, "2026-03-02T09:00:00.000Z"),
    ]


@pytest.mark.parametrize(("login", "level"), [("grace", 30), ("carol", 20), ("max", 40), ("acme", 50)])
def test_the_access_levels_of_people_are_told(url: str, login: str, level: int) -> None:
    speaker = client(url)
    user = speaker.users.list(username=login, get_all=True)[0]
    assert speaker.projects.get(NAME).members_all.get(user.id).access_level == level


def test_a_stranger_is_no_member(url: str, forge: GitLab) -> None:
    stranger = forge.forge.person("mallory")
    with pytest.raises(gitlab.GitlabGetError, match="404"):
        project(url).members_all.get(stranger.id)
    assert "mallory" not in [one.username for one in project(url).members_all.list(get_all=True)]
    assert client(url).users.list(username="nobody-at-all", get_all=True) == []


def test_a_merge_request_is_opened_updated_and_closed(url: str, forge: GitLab) -> None:
    repository = forge.forge.find(NAME)
    assert repository is not None
    forge.forge.push(repository, "drift")
    requests = project(url).mergerequests
    sent = {"source_branch": "drift", "target_branch": "main", "title": "Draft: Take drift over"}
    made = requests.create({**sent, "description": "What changed"})
    assert (made.iid, made.draft, made.author["username"]) == (1, True, "penstock")
    with pytest.raises(gitlab.GitlabCreateError, match="Another open merge request already exists") as caught:
        requests.create(sent)
    assert caught.value.response_code == 409
    made.title, made.description = "Take all drift over", "More"
    made.save()
    again = requests.get(1)
    assert (again.title, again.description, again.draft) == ("Take all drift over", "More", False)
    made.state_event = "close"
    made.save()
    assert requests.get(1).state == "closed"


def test_a_commit_tells_the_merge_request_that_brought_it(url: str, forge: GitLab, pull: PullRequest) -> None:
    sha = forge.forge.merge(pull, "grace")
    assert [one["iid"] for one in project(url).commits.get(sha).merge_requests()] == [1]


def test_a_moved_project_redirects_reads_and_refuses_writes(url: str, forge: GitLab, pull: PullRequest) -> None:
    forge.forge.rename(pull.base, "acme/call-flows")
    moved = project(url)
    assert (moved.path_with_namespace, moved.id) == ("acme/call-flows", pull.base.id)
    answer = httpx.post(
        f"{url}/api/v4/projects/acme%2Fflows/merge_requests/1/notes",
        json={"body": "x"},
        headers={"private-token": "token-of-penstock"},
    )
    assert (answer.status_code, answer.json()) == (
        405,
        {"message": "Non GET methods are not allowed for moved projects"},
    )
    assert pull.comments == []


def test_past_the_limit_the_answer_is_text_and_tells_when_to_come_again(
    url: str, forge: GitLab, pull: PullRequest
) -> None:
    forge.limit = Limit(600, 1, 1_900_000_000)
    repository = project(url)
    with pytest.raises(gitlab.GitlabHttpError, match="Retry later") as caught:
        client(url).http_get(f"/projects/{repository.id}", obey_rate_limit=False)
    assert caught.value.response_code == 429
    headers = {"private-token": "token-of-penstock"}
    refused = httpx.get(f"{url}/api/v4/user", headers=headers)
    assert (refused.headers["retry-after"], refused.headers["ratelimit-remaining"]) == ("60", "0")


def test_a_short_wait_is_kept_by_the_client(url: str, forge: GitLab, pull: PullRequest) -> None:
    repository = project(url)
    forge.fail("GET", "/merge_requests", forge.throttled(Limit(600, 0, 1_900_000_000), retry_after_s=0))
    assert repository.mergerequests.get(1).iid == 1


def test_a_token_without_the_scope_is_told_which_it_needs(url: str, forge: GitLab, pull: PullRequest) -> None:
    forge.tokens["token-of-reader"] = GitLabToken("penstock", ("read_api",))
    with pytest.raises(gitlab.GitlabCreateError, match="insufficient_scope"):
        project(url, "reader").mergerequests.get(1).notes.create({"body": "x"})


def test_wrong_tokens_and_hidden_projects_are_refused(url: str, forge: GitLab, pull: PullRequest) -> None:
    with pytest.raises(gitlab.GitlabAuthenticationError, match="401 Unauthorized"):
        project(url, "nobody")
    forge.tokens["token-of-mallory"] = GitLabToken("mallory")
    with pytest.raises(gitlab.GitlabGetError, match="404 Project Not Found"):
        project(url, "mallory")
    with pytest.raises(gitlab.GitlabCreateError, match="403 Forbidden"):
        project(url, "carol").commits.get(pull.sha).statuses.create({"state": "success", "name": "x"})


def test_a_job_s_token_reads_and_writes_no_notes(url: str, forge: GitLab, pull: PullRequest) -> None:
    forge.tokens["token-of-job"] = GitLabToken("penstock", job=True)
    speaker = gitlab.Gitlab(url, job_token="token-of-job")
    found = speaker.projects.get(NAME).mergerequests.get(1)
    with pytest.raises(gitlab.GitlabAuthenticationError, match="401"):
        found.notes.create({"body": "x"})


def test_a_lost_answer_leaves_what_was_done(url: str, forge: GitLab, pull: PullRequest) -> None:
    forge.fail("POST", "/notes", Answer(502, "GitLab is not responding"), done_first=True)
    with pytest.raises(gitlab.GitlabCreateError, match="502"):
        project(url).mergerequests.get(1).notes.create({"body": "mine"})
    assert [one.body for one in pull.comments] == ["mine"]
