"""The variables of CI systems tell which pull request a run is for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from controller.cli.ci_variables import PullRequestInCI, pull_request_in_ci
from controller.forges.port import ForgeKind

HEAD = "ec26c3e57ca3a959ca5aad62de7213c562f8c821"
MERGE = "9f2c1de0a1b2c3d4e5f60718293a4b5c6d7e8f90"


@pytest.fixture
def event(tmp_path: Path) -> Path:
    """The file that GitHub's runner writes for a `pull_request` event, in its published shape."""
    path = tmp_path / "event.json"
    head = {"ref": "greeting", "sha": HEAD, "repo": {"full_name": "ada/flows", "fork": True}}
    path.write_text(json.dumps({"action": "opened", "number": 7, "pull_request": {"number": 7, "head": head}}))
    return path


def test_github_actions_tells_the_head_of_the_pull_request_and_not_the_merge_that_is_checked_out(event: Path) -> None:
    variables = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_REPOSITORY": "voice/flows",
        "GITHUB_API_URL": "https://api.github.com",
        "GITHUB_REF": "refs/pull/7/merge",
        "GITHUB_SHA": MERGE,
        "GITHUB_HEAD_REF": "greeting",
        "GITHUB_BASE_REF": "main",
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_TOKEN": "ghs_of_the_run",
    }

    assert pull_request_in_ci(variables) == PullRequestInCI(
        kind=ForgeKind.GITHUB,
        repository="voice/flows",
        number=7,
        api_url="https://api.github.com",
        head_sha=HEAD,
        head_branch="greeting",
        base="origin/main",
        token="ghs_of_the_run",
    )


@pytest.mark.parametrize("mark", ["GITEA_ACTIONS", "FORGEJO_ACTIONS"])
def test_gitea_and_forgejo_use_githubs_variables_and_a_mark_of_their_own(event: Path, mark: str) -> None:
    variables = {
        mark: "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_REPOSITORY": "voice/flows",
        "GITHUB_API_URL": "https://git.example.com/api/v1",
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_BASE_REF": "main",
        "GITHUB_TOKEN": "of-the-run",
    }

    found = pull_request_in_ci(variables)

    assert (found.kind, found.api_url, found.number) == (ForgeKind.GITEA, "https://git.example.com/api/v1", 7)
    assert found.token == "of-the-run"


@pytest.mark.parametrize(
    ("content", "reference", "number"),
    [
        (b"{}", "refs/pull/12/merge", 12),
        (b"[" * 100_000, "refs/pull/12/head", 12),
        (b"not json", "refs/heads/main", None),
        (b'{"pull_request": {"number": "7", "head": []}}', "refs/pull/0/merge", None),
        (b'{"pull_request": ["number"]}', "refs/pull/12/merge/more", None),
    ],
)
def test_an_event_that_cannot_be_read_leaves_the_reference(
    tmp_path: Path, content: bytes, reference: str, number: int | None
) -> None:
    path = tmp_path / "event.json"
    path.write_bytes(content)
    variables = {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_PATH": str(path), "GITHUB_REF": reference}

    found = pull_request_in_ci(variables)

    assert found.number == number
    assert found.head_sha is None


@pytest.mark.parametrize(
    ("source", "head"), [({"CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": HEAD}, HEAD), ({}, MERGE)], ids=["merged", "detached"]
)
def test_gitlab_tells_the_head_in_one_of_two_variables(source: dict[str, str], head: str) -> None:
    variables = {
        "GITLAB_CI": "true",
        "CI_API_V4_URL": "https://gitlab.example.com/api/v4",
        "CI_PROJECT_PATH": "ada/flows",
        "CI_MERGE_REQUEST_PROJECT_PATH": "voice/deep/flows",
        "CI_MERGE_REQUEST_IID": "7",
        "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "greeting",
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
        "CI_COMMIT_SHA": MERGE,
        "CI_JOB_TOKEN": "may not write notes",
        **source,
    }

    assert pull_request_in_ci(variables) == PullRequestInCI(
        kind=ForgeKind.GITLAB,
        repository="voice/deep/flows",
        number=7,
        api_url="https://gitlab.example.com/api/v4",
        head_sha=head,
        head_branch="greeting",
        base="origin/main",
        token=None,
    )


@pytest.mark.parametrize(
    ("url", "kind", "repository"),
    [
        ("https://github.com/voice/flows/pull/7", ForgeKind.GITHUB, "voice/flows"),
        ("https://gitlab.example.com/voice/deep/flows/-/merge_requests/7", ForgeKind.GITLAB, "voice/deep/flows"),
        ("https://example.com/git/voice/flows/pulls/7", ForgeKind.GITEA, "voice/flows"),
        ("https://example.com/something/else", None, None),
        ("https://[example.com/", None, None),
    ],
)
def test_jenkins_tells_the_page_of_the_change(url: str, kind: ForgeKind | None, repository: str | None) -> None:
    variables = {"JENKINS_URL": "https://ci.example.com", "CHANGE_ID": "7", "CHANGE_URL": url, "CHANGE_TARGET": "main"}

    found = pull_request_in_ci(variables)

    assert (found.kind, found.repository, found.number, found.base) == (kind, repository, 7, "origin/main")


def test_outside_of_ci_nothing_is_known() -> None:
    assert pull_request_in_ci({"HOME": "/root"}) == PullRequestInCI()
