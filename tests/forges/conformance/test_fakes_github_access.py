"""Who may what at the fake of GitHub, as PyGithub sees it: tokens, Apps, check runs, permissions and limits."""

from __future__ import annotations

from collections.abc import Iterator

import github
import httpx
import jwt
import pytest

from tests.forges.conformance.pygithub import APP_PERMISSIONS, NAME, app_client, client, made_forge, made_pull
from tests.support.forges.github import GitHub
from tests.support.forges.github_access import Token
from tests.support.forges.model import PullRequest
from tests.support.forges.server import Limit, served


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
