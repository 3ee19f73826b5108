"""The fake of GitHub is driven by PyGithub, which knows nothing of Penstock: it understands every answer."""

from __future__ import annotations

from collections.abc import Iterator

import github
import httpx
import jwt
import pytest

from tests.support.forges.github import LONGEST_COMMENT, GitHub
from tests.support.forges.github_access import Token
from tests.support.forges.model import PullRequest
from tests.support.forges.server import Answer, Limit, served

NAME = "acme/flows"
APP_PERMISSIONS = {
    "contents": "read",
    "checks": "write",
    "statuses": "write",
    "pull_requests": "write",
    "issues": "write",
}


@pytest.fixture
def forge() -> GitHub:
    made = GitHub(enterprise=True)
    repository = made.forge.repository(NAME)
    made.forge.grant(repository, "write", "ada", "grace", "penstock")
    made.forge.grant(repository, "read", "carol")
    for login in ("ada", "grace", "carol", "penstock"):
        made.tokens[f"token-of-{login}"] = Token(login)
    return made


@pytest.fixture
def url(forge: GitHub) -> Iterator[str]:
    with served(forge) as base:
        yield base


@pytest.fixture
def pull(forge: GitHub) -> PullRequest:
    repository = forge.forge.find(NAME)
    assert repository is not None
    return forge.forge.pull_request(repository, "ada", "greeting", title="Change the greeting", body="Why")


def client(url: str, login: str = "penstock", **options: object) -> github.Github:
    settings = {"retry": None, "seconds_between_requests": None, "seconds_between_writes": None, "lazy": False}
    return github.Github(base_url=f"{url}/api/v3", auth=github.Auth.Token(f"token-of-{login}"), **settings | options)


def app_client(forge: GitHub, url: str, permissions: dict[str, str] = APP_PERMISSIONS) -> github.Github:
    repository = forge.forge.find(NAME)
    assert repository is not None
    app = forge.apps.register()
    installation = forge.apps.install(app, [repository], permissions)
    signed = github.Auth.AppAuth(app.id, app.private_key).get_installation_auth(installation.id)
    integration = github.GithubIntegration(auth=github.Auth.AppAuth(app.id, app.private_key), base_url=f"{url}/api/v3")
    assert integration.get_repo_installation("acme", "flows").id == installation.id
    return github.Github(auth=signed, base_url=f"{url}/api/v3", retry=None, lazy=False)


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


def test_check_runs_take_fifty_annotations_a_call(url: str, forge: GitHub, pull: PullRequest) -> None:
    repository = app_client(forge, url).get_repo(NAME)
    notes = [
        {"path": "a.yaml", "start_line": line, "end_line": line, "annotation_level": "failure", "message": f"m{line}"}
        for line in range(1, 52)
    ]
    output = {"title": "Plan", "summary": "51 mistakes"}
    run = repository.create_check_run("penstock", pull.sha, output={**output, "annotations": notes[:50]})
    with pytest.raises(github.GithubException) as caught:
        run.edit(output={**output, "annotations": notes})
    assert "No more than 50 items are allowed; 51 were supplied." in str(caught.value.data)
    run.edit(status="completed", conclusion="failure", output={**output, "annotations": notes[50:]})
    found = repository.get_commit(pull.sha).get_check_runs()[0]
    assert (found.conclusion, found.status, found.output.annotations_count) == ("failure", "completed", 51)
    assert [one.start_line for one in found.get_annotations()] == list(range(1, 52))


def test_only_an_app_may_make_check_runs(url: str, pull: PullRequest) -> None:
    with pytest.raises(github.GithubException) as caught:
        client(url).get_repo(NAME).create_check_run("penstock", pull.sha)
    assert "You must authenticate via a GitHub App." in str(caught.value.data)


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


def test_an_exhausted_limit_is_told_in_headers_and_ends(url: str, forge: GitHub, pull: PullRequest) -> None:
    now = [1_800_000_000.0]
    forge.wall = lambda: now[0]
    forge.limit = Limit(5000, 2, int(now[0]) + 60)
    speaker = client(url)
    repository = speaker.get_repo(NAME)
    repository.get_pull(1)
    with pytest.raises(github.RateLimitExceededException) as caught:
        repository.get_pull(1)
    assert caught.value.headers["x-ratelimit-remaining"] == "0"
    assert caught.value.headers["x-ratelimit-reset"] == str(int(now[0]) + 60)
    now[0] += 61
    assert repository.get_pull(1).number == 1
    assert speaker.get_rate_limit().rate.remaining == 4999


def test_a_secondary_limit_asks_for_patience(url: str, forge: GitHub, pull: PullRequest) -> None:
    forge.fail("POST", "/comments", forge.secondary_limit(30))
    reviewed = client(url).get_repo(NAME).get_pull(1)
    with pytest.raises(github.RateLimitExceededException) as caught:
        reviewed.create_issue_comment("x")
    assert caught.value.headers["retry-after"] == "30"
    reviewed.create_issue_comment("x")
    assert [one.body for one in pull.comments] == ["x"]


def test_a_missing_permission_is_named_in_a_header(url: str, forge: GitHub, pull: PullRequest) -> None:
    speaker = app_client(forge, url, {"pull_requests": "read"})
    with pytest.raises(github.GithubException, match="Resource not accessible by integration") as caught:
        speaker.get_repo(NAME).get_pull(1).create_issue_comment("x")
    accepted = {name.lower(): value for name, value in (caught.value.headers or {}).items()}
    assert accepted["x-accepted-github-permissions"] == "issues=write; pull_requests=write"
    forge.tokens["token-of-fine"] = Token("penstock", "fine", {"pull_requests": "read"})
    with pytest.raises(github.GithubException, match="Resource not accessible by personal access token"):
        client(url, "fine").get_repo(NAME).get_pull(1).create_issue_comment("x")


def test_bad_credentials_and_a_hidden_repository_are_refused(url: str, forge: GitHub) -> None:
    with pytest.raises(github.BadCredentialsException):
        client(url, "nobody").get_repo(NAME)
    forge.tokens["token-of-mallory"] = Token("mallory")
    with pytest.raises(github.UnknownObjectException):
        client(url, "mallory").get_repo(NAME)


def test_an_installation_s_token_speaks_as_the_app_in_its_repositories(
    url: str, forge: GitHub, pull: PullRequest
) -> None:
    speaker = app_client(forge, url)
    made = speaker.get_repo(NAME).get_pull(1).create_issue_comment("the plan")
    assert (made.user.login, made.user.type) == ("penstock[bot]", "Bot")
    forge.forge.repository("acme/other")
    with pytest.raises(github.UnknownObjectException):
        speaker.get_repo("acme/other")
    with pytest.raises(github.GithubException, match="Resource not accessible by integration"):
        _ = speaker.get_user().id
    _, told = speaker.requester.graphql_query("query { viewer { login } }", {})
    assert told["data"]["viewer"]["login"] == "penstock[bot]"


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"exp": 1_800_000_000 - 1}, "future time at which the assertion expires"),
        ({"exp": 1_800_000_000 + 601}, "too far in the future"),
        ({"iat": 1_800_000_000 + 120}, "'Issued at' claim"),
        ({"iss": "999999"}, "Integration not found"),
        ({"key": "another"}, "could not be decoded"),
        ({"algorithm": "HS256"}, "could not be decoded"),
    ],
)
def test_a_wrong_json_web_token_is_refused(url: str, forge: GitHub, claims: dict[str, object], words: str) -> None:
    forge.wall = lambda: 1_800_000_000.0
    app = forge.apps.register()
    key = forge.apps.register("other").private_key if "key" in claims else app.private_key
    body = {"iat": 1_800_000_000 - 60, "exp": 1_800_000_000 + 540, "iss": str(app.id), **claims}
    if claims.get("algorithm") == "HS256":
        token = jwt.encode(body, "a shared secret of thirty-two bytes", algorithm="HS256")
    else:
        token = jwt.encode(body, key, algorithm="RS256")
    headers = {"authorization": f"Bearer {token}", "user-agent": "tests"}
    answer = httpx.get(f"{url}/api/v3/app", headers=headers)
    assert answer.status_code in {401, 404}
    assert words in answer.json()["message"]


def test_a_token_of_an_installation_expires_after_an_hour(url: str, forge: GitHub, pull: PullRequest) -> None:
    now = [1_800_000_000.0]
    forge.wall = lambda: now[0]
    app = forge.apps.register()
    installation = forge.apps.install(app, [pull.base], APP_PERMISSIONS)
    claims = {"iat": 1_800_000_000 - 60, "exp": 1_800_000_000 + 540, "iss": str(app.id)}
    signed = jwt.encode(claims, app.private_key, algorithm="RS256")
    path = f"{url}/api/v3/app/installations/{installation.id}/access_tokens"
    made = httpx.post(path, headers={"authorization": f"Bearer {signed}", "user-agent": "tests"}).json()
    headers = {"authorization": f"token {made['token']}", "user-agent": "tests"}
    assert made["expires_at"] == "2027-01-15T09:00:00Z"
    assert httpx.get(f"{url}/api/v3/repos/{NAME}", headers=headers).status_code == 200
    now[0] += 3600
    assert httpx.get(f"{url}/api/v3/repos/{NAME}", headers=headers).status_code == 401


def test_an_unchanged_answer_costs_nothing_of_the_limit(url: str, forge: GitHub, pull: PullRequest) -> None:
    forge.limit = Limit(5000, 10, 4_000_000_000)
    headers = {"authorization": "Bearer token-of-penstock", "user-agent": "tests"}
    first = httpx.get(f"{url}/api/v3/repos/{NAME}/pulls", headers=headers)
    again = httpx.get(f"{url}/api/v3/repos/{NAME}/pulls", headers={**headers, "if-none-match": first.headers["etag"]})
    assert (again.status_code, forge.limit.remaining) == (304, 9)


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
