"""The fake of Gitea is driven by gitea-js, which is generated from Gitea's own description of its API."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.forges.conformance.gitea_js import GiteaJs, gitea_js
from tests.support.forges.gitea import Gitea
from tests.support.forges.gitea_access import GiteaToken
from tests.support.forges.model import PullRequest
from tests.support.forges.server import Answer, served

OWNER, REPO = "acme", "flows"
NAME = f"{OWNER}/{REPO}"
Clients = Callable[..., GiteaJs]


@pytest.fixture
def forge() -> Gitea:
    made = Gitea()
    repository = made.forge.repository(NAME)
    made.forge.grant(repository, "write", "ada", "grace", "penstock")
    made.forge.grant(repository, "admin", "max")
    made.forge.grant(repository, "read", "carol")
    for login in ("ada", "grace", "carol", "penstock", "max"):
        made.tokens[f"token-of-{login}"] = GiteaToken(login)
    return made


@pytest.fixture
def url(forge: Gitea) -> Iterator[str]:
    with served(forge) as base:
        yield base


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[str]]:
    with gitea_js(tmp_path_factory.mktemp("gitea-js")) as running:
        yield running


@pytest.fixture
def clients(program: subprocess.Popen[str], url: str) -> Clients:
    return lambda login="penstock": GiteaJs(program, url, f"token-of-{login}")


@pytest.fixture
def pull(forge: Gitea) -> PullRequest:
    repository = forge.forge.find(NAME)
    assert repository is not None
    return forge.forge.pull_request(repository, "ada", "greeting", title="Change the greeting", body="Why")


def test_a_repository_the_token_s_person_and_the_version_are_told(clients: Clients) -> None:
    client = clients()
    found = client.repos("repoGet", OWNER, REPO)
    assert (found["full_name"], found["default_branch"], found["private"]) == (NAME, "main", True)
    assert found["permissions"] == {"admin": False, "push": True, "pull": True}
    assert client.call("user", "userGetCurrent")["data"]["login"] == "penstock"
    assert client.call("version", "getVersion")["data"] == {"version": "1.25.1"}


def test_pull_requests_are_listed_by_state_and_order(clients: Clients, forge: Gitea, pull: PullRequest) -> None:
    fork = forge.forge.repository("carol/flows", fork_of=pull.base)
    forge.forge.pull_request(pull.base, "carol", "menu", head=fork, draft=True)
    forge.forge.merge(forge.forge.pull_request(pull.base, "ada", "done"), "grace")
    forge.forge.close(forge.forge.pull_request(pull.base, "ada", "dropped"))
    client = clients()

    def numbers(query: dict[str, str]) -> list[int]:
        return [one["number"] for one in client.repos("repoListPullRequests", OWNER, REPO, query)]

    assert numbers({"state": "open"}) == [2, 1]
    assert numbers({"state": "open", "sort": "oldest"}) == [1, 2]
    assert numbers({"state": "closed", "sort": "oldest"}) == [3, 4]
    forked = client.repos("repoGetPullRequest", OWNER, REPO, 2)
    assert (forked["head"]["repo"]["full_name"], forked["draft"], forked["title"]) == (
        "carol/flows",
        True,
        "WIP: Change flows",
    )
    merged = client.repos("repoGetPullRequest", OWNER, REPO, 3)
    assert (merged["state"], merged["merged"], merged["merged_by"]["login"]) == ("closed", True, "grace")
    assert merged["merge_commit_sha"] == pull.base.branches["main"]
    dropped = client.repos("repoGetPullRequest", OWNER, REPO, 4)
    assert (dropped["state"], dropped["merged"]) == ("closed", False)
    assert client.repos("repoGetPullRequestByBaseHead", OWNER, REPO, "main", "greeting")["number"] == 1


def test_pages_have_fifty_at_most_and_tell_the_total(clients: Clients, forge: Gitea, pull: PullRequest) -> None:
    for number in range(2, 121):
        forge.forge.pull_request(pull.base, "ada", f"branch-{number}")
    client, found = clients(), []
    for page in (1, 2, 3, 4):
        query = {"state": "open", "sort": "oldest", "page": page, "limit": 100}
        answer = client.call("repos", "repoListPullRequests", OWNER, REPO, query)
        assert answer["headers"]["x-total-count"] == "120"
        assert ('rel="next"' in answer["headers"].get("link", "")) == (page < 3)
        found.append([one["number"] for one in answer["data"]])
    assert [len(one) for one in found] == [50, 50, 20, 0]
    assert [number for one in found for number in one] == list(range(1, 121))


def test_a_comment_is_made_changed_listed_and_deleted(clients: Clients, forge: Gitea, pull: PullRequest) -> None:
    client = clients()
    forge.forge.comment(pull, "ada", "first")
    made = client.repos("issueCreateComment", OWNER, REPO, 1, {"body": "the plan"})
    forge.forge.pass_time(60)
    client.repos("issueEditComment", OWNER, REPO, made["id"], {"body": "the new plan"})
    listed = client.repos("issueGetComments", OWNER, REPO, 1)
    assert [(one["user"]["login"], one["body"]) for one in listed] == [("ada", "first"), ("penstock", "the new plan")]
    again = client.repos("issueGetComment", OWNER, REPO, made["id"])
    assert (again["created_at"], again["updated_at"]) == ("2026-03-02T09:00:00Z", "2026-03-02T09:01:00Z")
    client.repos("issueDeleteComment", OWNER, REPO, made["id"])
    assert client.call("repos", "issueGetComment", OWNER, REPO, made["id"])["status"] == 404
    assert client.call("repos", "issueEditComment", OWNER, REPO, made["id"], {"body": "x"})["status"] == 404
    assert [one.body for one in pull.comments] == ["first"]


def test_all_comments_are_on_one_page(clients: Clients, forge: Gitea, pull: PullRequest) -> None:
    for number in range(120):
        forge.forge.comment(pull, "ada", str(number))
    assert len(clients().repos("issueGetComments", OWNER, REPO, 1)) == 120


def test_only_a_writer_changes_a_comment_of_another(clients: Clients, forge: Gitea, pull: PullRequest) -> None:
    made = forge.forge.comment(pull, "ada", "mine")
    clients("grace").repos("issueEditComment", OWNER, REPO, made.id, {"body": "hers"})
    assert clients("carol").call("repos", "issueEditComment", OWNER, REPO, made.id, {"body": "x"})["status"] == 403
    assert made.body == "hers"


def test_the_last_status_of_a_context_counts(clients: Clients, forge: Gitea, pull: PullRequest) -> None:
    client = clients()
    for sent in (
        {"state": "pending", "context": "penstock/plan", "description": "planning"},
        {"state": "failure", "context": "penstock/plan", "target_url": "https://ci.example.com/1"},
        {"state": "success", "context": "lint"},
    ):
        client.repos("repoCreateStatus", OWNER, REPO, pull.sha, sent)
    combined = client.repos("repoGetCombinedStatusByRef", OWNER, REPO, pull.sha)
    assert combined["state"] == "failure"
    assert [(one["context"], one["status"]) for one in combined["statuses"]] == [
        ("lint", "success"),
        ("penstock/plan", "failure"),
    ]
    listed = client.repos("repoListStatuses", OWNER, REPO, pull.sha)
    assert [one["status"] for one in listed] == ["success", "failure", "pending"]
    assert client.call("repos", "repoCreateStatus", OWNER, REPO, pull.sha, {"state": "failed"})["status"] == 422
    refused = clients("carol").call("repos", "repoCreateStatus", OWNER, REPO, pull.sha, {"state": "success"})
    assert refused["status"] == 403


def test_reviews_are_made_dismissed_and_become_stale(clients: Clients, forge: Gitea, pull: PullRequest) -> None:
    first = pull.sha
    made = clients("grace").repos("repoCreatePullReview", OWNER, REPO, 1, {"event": "APPROVED", "commit_id": first})
    forge.forge.push(pull.head, "greeting")
    client = clients("max")
    seen = client.repos("repoListPullReviews", OWNER, REPO, 1)[0]
    assert (seen["user"]["login"], seen["state"], seen["commit_id"]) == ("grace", "APPROVED", first)
    assert (seen["stale"], seen["official"], seen["dismissed"]) == (True, True, False)
    client.repos("repoDismissPullReview", OWNER, REPO, 1, made["id"], {"message": "outdated"})
    assert client.repos("repoListPullReviews", OWNER, REPO, 1)[0]["dismissed"]
    own = clients("ada").call("repos", "repoCreatePullReview", OWNER, REPO, 1, {"event": "APPROVED"})
    assert (own["status"], own["error"]["message"]) == (422, "approve your own pull is not allowed")


def test_an_administrator_asks_for_the_permissions_of_others_and_everybody_for_their_own(clients: Clients) -> None:
    client = clients("max")
    for login, permission in (("grace", "write"), ("carol", "read"), ("max", "admin"), ("acme", "owner")):
        assert client.repos("repoGetRepoPermissions", OWNER, REPO, login)["permission"] == permission
    assert client.call("repos", "repoGetRepoPermissions", OWNER, REPO, "nobody-at-all")["status"] == 404
    other = clients()
    assert other.repos("repoGetRepoPermissions", OWNER, REPO, "penstock")["permission"] == "write"
    refused = other.call("repos", "repoGetRepoPermissions", OWNER, REPO, "grace")
    assert refused["status"] == 403
    assert "Only admins can query all permissions" in refused["error"]["message"]


def test_a_pull_request_is_opened_updated_and_closed(clients: Clients, forge: Gitea) -> None:
    client = clients()
    repository = forge.forge.find(NAME)
    assert repository is not None
    forge.forge.push(repository, "drift")
    sent = {"base": "main", "head": "drift", "title": "WIP: Take drift over", "body": "What changed"}
    made = client.repos("repoCreatePullRequest", OWNER, REPO, sent)
    assert (made["number"], made["draft"], made["user"]["login"]) == (1, True, "penstock")
    again = client.call("repos", "repoCreatePullRequest", OWNER, REPO, sent)
    assert again["status"] == 409
    assert "pull request already exists for these targets" in again["error"]["message"]
    absent = client.call("repos", "repoCreatePullRequest", OWNER, REPO, {**sent, "head": "absent"})
    assert absent["status"] == 404
    client.repos("repoEditPullRequest", OWNER, REPO, 1, {"title": "Take all drift over", "body": "More"})
    found = client.repos("repoGetPullRequest", OWNER, REPO, 1)
    assert (found["title"], found["body"], found["draft"]) == ("Take all drift over", "More", False)
    client.repos("repoEditPullRequest", OWNER, REPO, 1, {"state": "closed"})
    assert client.repos("repoGetPullRequest", OWNER, REPO, 1)["state"] == "closed"


def test_a_commit_tells_the_pull_request_that_brought_it(clients: Clients, forge: Gitea, pull: PullRequest) -> None:
    sha = forge.forge.merge(pull, "grace")
    assert clients().repos("repoGetCommitPullRequest", OWNER, REPO, sha)["number"] == 1


def test_a_former_name_redirects_reads_and_writes(clients: Clients, url: str, forge: Gitea, pull: PullRequest) -> None:
    forge.forge.rename(pull.base, "acme/call-flows")
    client = clients()
    assert client.repos("repoGet", OWNER, REPO)["full_name"] == "acme/call-flows"
    assert client.repos("issueCreateComment", OWNER, REPO, 1, {"body": "x"})["body"] == "x"
    headers = {"authorization": "token token-of-penstock"}
    answer = httpx.get(f"{url}/api/v1/repos/{NAME}/pulls?state=open", headers=headers)
    assert (answer.status_code, answer.headers["location"]) == (
        307,
        "/api/v1/repos/acme/call-flows/pulls?state=open",
    )


def test_a_token_without_the_scope_is_told_which_it_needs(clients: Clients, forge: Gitea, pull: PullRequest) -> None:
    forge.tokens["token-of-reader"] = GiteaToken("penstock", ("read:repository", "read:issue"))
    client = clients("reader")
    assert client.repos("issueGetComments", OWNER, REPO, 1) == []
    refused = client.call("repos", "issueCreateComment", OWNER, REPO, 1, {"body": "x"})
    assert refused["status"] == 403
    assert "required=[write:issue]" in refused["error"]["message"]
    assert client.call("user", "userGetCurrent")["status"] == 403


def test_wrong_tokens_and_hidden_repositories_are_refused(clients: Clients, forge: Gitea, url: str) -> None:
    assert clients("nobody").call("repos", "repoGet", OWNER, REPO)["status"] == 401
    forge.tokens["token-of-mallory"] = GiteaToken("mallory")
    hidden = clients("mallory").call("repos", "repoGet", OWNER, REPO)
    assert (hidden["status"], hidden["error"]["message"]) == (404, "The target couldn't be found.")
    assert httpx.get(f"{url}/api/v1/user").json()["message"] == "token is required"


def test_a_lost_answer_leaves_what_was_done(clients: Clients, forge: Gitea, pull: PullRequest) -> None:
    forge.fail("POST", "/comments", Answer(502, {"message": "Bad Gateway"}), done_first=True)
    answer = clients().call("repos", "issueCreateComment", OWNER, REPO, 1, {"body": "mine"})
    assert answer["status"] == 502
    assert [one.body for one in pull.comments] == ["mine"]
