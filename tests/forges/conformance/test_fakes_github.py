"""The fake of GitHub is driven by PyGithub, which knows nothing of Penstock: it understands every answer."""

from __future__ import annotations

from collections.abc import Iterator

import github
import httpx
import pytest

from tests.forges.conformance.pygithub import NAME, client, made_forge, made_pull
from tests.support.forges.github import LONGEST_COMMENT, GitHub
from tests.support.forges.model import PullRequest
from tests.support.forges.server import Answer, served


@pytest.fixture
def forge() -> GitHub:
    return made_forge()


@pytest.fixture
def url(forge: GitHub) -> Iterator[str]:
    with served(forge) as base:
        yield base


@pytest.fixture
def pull(forge: GitHub) -> PullRequest:
    return made_pull(forge)


def test_a_repository_and_the_token_s_person_are_told(url: str, forge: GitHub) -> None:
    speaker = client(url)
    repository = speaker.get_repo(NAME)
    assert (repository.full_name, repository.default_branch, repository.private) == (NAME, "main", True)
    assert repository.permissions.push
    assert not repository.permissions.admin
    assert speaker.get_user().login == "penstock"


def test_pull_requests_are_listed_by_state_base_and_head(url: str, forge: GitHub, pull: PullRequest) -> None:
    fork = forge.forge.repository("carol/flows", fork_of=pull.base)
    forge.forge.pull_request(pull.base, "carol", "menu", head=fork)
    forge.forge.merge(forge.forge.pull_request(pull.base, "ada", "done"), "grace")
    forge.forge.close(forge.forge.pull_request(pull.base, "ada", "dropped"))
    repository = client(url).get_repo(NAME)
    assert [one.number for one in repository.get_pulls(state="open", direction="asc")] == [1, 2]
    assert [one.number for one in repository.get_pulls(state="open")] == [2, 1]
    assert [one.number for one in repository.get_pulls(state="closed", direction="asc")] == [3, 4]
    assert [one.number for one in repository.get_pulls(state="open", head="acme:greeting")] == [1]
    assert [one.number for one in repository.get_pulls(state="all", base="other")] == []
    forked = repository.get_pull(2)
    assert (forked.head.repo.full_name, forked.head.repo.fork, forked.base.repo.full_name) == (
        "carol/flows",
        True,
        NAME,
    )
    merged = repository.get_pull(3)
    assert (merged.state, merged.merged, merged.merged_by.login) == ("closed", True, "grace")
    assert merged.merge_commit_sha == pull.base.branches["main"]
    dropped = repository.get_pull(4)
    assert (dropped.state, dropped.merged, dropped.merged_at) == ("closed", False, None)


def test_pages_follow_each_other_until_the_last(url: str, forge: GitHub, pull: PullRequest) -> None:
    for number in range(2, 231):
        forge.forge.pull_request(pull.base, "ada", f"branch-{number}")
    pulls = client(url, per_page=100).get_repo(NAME).get_pulls(direction="asc")
    assert [one.number for one in pulls] == list(range(1, 231))
    assert pulls.totalCount == 230
    assert forge.count("GET", "/pulls") == 4


def test_a_comment_is_made_changed_listed_and_deleted(url: str, forge: GitHub, pull: PullRequest) -> None:
    issue = client(url).get_repo(NAME).get_pull(1)
    forge.forge.comment(pull, "ada", "first")
    made = issue.create_issue_comment("the plan")
    forge.forge.pass_time(60)
    made.edit("the new plan")
    assert [(one.user.login, one.body) for one in issue.get_issue_comments()] == [
        ("ada", "first"),
        ("penstock", "the new plan"),
    ]
    again = issue.get_issue_comment(made.id)
    assert (again.updated_at - again.created_at).total_seconds() == 60
    made.delete()
    with pytest.raises(github.UnknownObjectException):
        issue.get_issue_comment(made.id)
    assert [one.body for one in pull.comments] == ["first"]


def test_a_comment_of_65536_characters_is_taken_and_a_longer_one_is_not(url: str, pull: PullRequest) -> None:
    issue = client(url).get_repo(NAME).get_pull(1)
    issue.create_issue_comment("x" * LONGEST_COMMENT)
    with pytest.raises(github.GithubException) as caught:
        issue.create_issue_comment("x" * (LONGEST_COMMENT + 1))
    assert caught.value.status == 422
    assert "maximum is 65536 characters" in str(caught.value.data)


def test_only_a_writer_changes_a_comment_of_another(url: str, forge: GitHub, pull: PullRequest) -> None:
    made = forge.forge.comment(pull, "ada", "mine")
    client(url, "grace").get_repo(NAME).get_pull(1).get_issue_comment(made.id).edit("hers")
    with pytest.raises(github.GithubException) as caught:
        client(url, "carol").get_repo(NAME).get_pull(1).get_issue_comment(made.id).edit("mine")
    assert (caught.value.status, made.body) == (403, "hers")


def test_the_last_status_of_a_context_counts(url: str, forge: GitHub, pull: PullRequest) -> None:
    commit = client(url).get_repo(NAME).get_commit(pull.sha)
    commit.create_status("pending", description="planning", context="penstock/plan")
    commit.create_status("failure", target_url="https://ci.example.com/1", description="3", context="penstock/plan")
    commit.create_status("success", context="lint")
    combined = commit.get_combined_status()
    assert combined.state == "failure"
    assert [(one.context, one.state) for one in combined.statuses] == [
        ("lint", "success"),
        ("penstock/plan", "failure"),
    ]
    assert [one.state for one in commit.get_statuses()] == ["success", "failure", "pending"]
    with pytest.raises(github.GithubException) as caught:
        commit.create_status("success", description="d" * 141)
    assert caught.value.status == 422


def test_reviews_are_made_dismissed_and_kept_by_commit(url: str, forge: GitHub, pull: PullRequest) -> None:
    first = pull.sha
    client(url, "grace").get_repo(NAME).get_pull(1).create_review(event="APPROVE")
    forge.forge.push(pull.head, "greeting")
    reviewed = client(url).get_repo(NAME).get_pull(1)
    seen = reviewed.get_reviews()[0]
    assert (seen.user.login, seen.state, seen.commit_id) == ("grace", "APPROVED", first)
    assert reviewed.head.sha == pull.sha != first
    seen.dismiss("outdated")
    assert reviewed.get_reviews()[0].state == "DISMISSED"
    with pytest.raises(github.GithubException, match="422"):
        client(url, "ada").get_repo(NAME).get_pull(1).create_review(event="APPROVE")


@pytest.mark.parametrize(("login", "permission"), [("grace", "write"), ("carol", "read"), ("acme", "admin")])
def test_permissions_of_people_are_told(url: str, login: str, permission: str) -> None:
    assert client(url).get_repo(NAME).get_collaborator_permission(login) == permission


def test_a_stranger_has_no_permission_and_an_unknown_login_is_no_user(url: str, forge: GitHub) -> None:
    forge.forge.person("mallory")
    repository = client(url).get_repo(NAME)
    assert repository.get_collaborator_permission("mallory") == "none"
    with pytest.raises(github.GithubException, match="nobody-at-all is not a user"):
        repository.get_collaborator_permission("nobody-at-all")


def test_a_pull_request_is_opened_updated_and_closed(url: str, forge: GitHub) -> None:
    repository = client(url).get_repo(NAME)
    found = forge.forge.find(NAME)
    assert found is not None
    forge.forge.push(found, "drift")
    made = repository.create_pull("main", "drift", title="Take drift over", body="What changed", draft=True)
    assert (made.number, made.draft, made.user.login) == (1, True, "penstock")
    with pytest.raises(github.GithubException, match="A pull request already exists for acme:drift"):
        repository.create_pull("main", "drift", title="Again")
    with pytest.raises(github.GithubException, match="422"):
        repository.create_pull("main", "absent", title="No such branch")
    made.edit(title="Take all drift over", body="More")
    assert (repository.get_pull(1).title, repository.get_pull(1).body) == ("Take all drift over", "More")
    made.edit(state="closed")
    assert repository.get_pull(1).state == "closed"


def test_a_commit_tells_the_pull_request_that_brought_it(url: str, forge: GitHub, pull: PullRequest) -> None:
    sha = forge.forge.merge(pull, "grace")
    assert [one.number for one in client(url).get_repo(NAME).get_commit(sha).get_pulls()] == [1]


def test_a_former_name_redirects_reads_and_writes(url: str, forge: GitHub, pull: PullRequest) -> None:
    old = client(url, lazy=True).get_repo(NAME)
    forge.forge.rename(pull.base, "acme/call-flows")
    assert old.get_pull(1).base.repo.full_name == "acme/call-flows"
    headers = {"authorization": "Bearer token-of-penstock", "user-agent": "tests"}
    comments = f"{url}/api/v3/repos/{NAME}/issues/1/comments"
    refused = httpx.post(comments, json={"body": "x"}, headers=headers)
    assert refused.status_code == 307
    assert refused.headers["location"] == f"{url}/api/v3/repositories/{pull.base.id}/issues/1/comments"
    assert httpx.post(comments, json={"body": "x"}, headers=headers, follow_redirects=True).status_code == 201


def test_somebody_else_can_act_between_two_requests(url: str, forge: GitHub, pull: PullRequest) -> None:
    forge.meanwhile("POST", "/comments", lambda: forge.forge.comment(pull, "penstock", "the other run's"))
    client(url).get_repo(NAME).get_pull(1).create_issue_comment("mine")
    assert [one.body for one in pull.comments] == ["the other run's", "mine"]


def test_a_lost_answer_leaves_what_was_done(url: str, forge: GitHub, pull: PullRequest) -> None:
    forge.fail("POST", "/comments", Answer(502, "Bad Gateway"), done_first=True)
    with pytest.raises(github.GithubException, match="502"):
        client(url).get_repo(NAME).get_pull(1).create_issue_comment("mine")
    assert [one.body for one in pull.comments] == ["mine"]
    assert forge.writes() == [f"POST /api/v3/repos/{NAME}/issues/1/comments"]
