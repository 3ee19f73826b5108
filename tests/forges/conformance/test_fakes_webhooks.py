"""The webhooks of the fakes: shaped as GitHub describes them, signed as GitHub's own library verifies, and accepted."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from starlette.applications import Starlette

from controller.domain.clock import SystemClock
from controller.service.incoming import HookedRepository, IncomingWebhooks
from tests.forges.conformance.prism import description
from tests.support.forges.model import Forge, PullRequest
from tests.support.forges.server import served
from tests.support.forges.webhooks import GiteaHooks, GitHubHooks, GitLabHooks, Message
from tests.support.node import installed, run

LIBRARY = "@octokit/webhooks-methods@6.0.0"
PROGRAM = Path(__file__).parent / "javascript" / "verify.mjs"
SECRET = "a secret between the forge and the controller"
BASE = "https://forge.example.com"
GITHUB = GitHubHooks(BASE, SECRET)
GITLAB = GitLabHooks(BASE, SECRET)
GITEA = GiteaHooks(BASE, SECRET)
FORGEJO = GiteaHooks(BASE, SECRET, forgejo=True)


@pytest.fixture
def pull() -> PullRequest:
    forge = Forge()
    made = forge.pull_request(forge.repository("acme/flows"), "ada", "greeting", title="Change the greeting")
    forge.push(made.head, "greeting")
    return made


@cache
def json_schema() -> dict[str, Any]:
    """The schemas of the description as JSON Schema: only OpenAPI 3.0 knows `nullable`."""
    return {"components": {"schemas": _with_null(description()["components"]["schemas"])}}


def _with_null(node: Any) -> Any:
    if isinstance(node, list):
        return [_with_null(item) for item in node]
    if not isinstance(node, dict):
        return node
    read = {key: _with_null(value) for key, value in node.items()}
    return {"anyOf": [read, {"type": "null"}]} if read.pop("nullable", None) is True else read


def mistakes(payload: dict[str, Any], schema: str) -> list[str]:
    """Where a payload is not as its schema has it."""
    checker = Draft202012Validator({**json_schema(), "$ref": f"#/components/schemas/{schema}"})
    return [f"{one.json_path}: {one.message}"[:300] for one in checker.iter_errors(payload)]


@pytest.mark.parametrize("action", ["opened", "synchronize", "closed", "reopened", "edited"])
def test_githubs_pull_requests_are_as_github_describes_them(pull: PullRequest, action: str) -> None:
    payload = json.loads(GITHUB.pull_request(pull, action).body)

    assert mistakes(payload, f"webhook-pull-request-{action}") == []
    assert mistakes({**payload, "number": "one"}, f"webhook-pull-request-{action}") != []


def test_githubs_pushes_are_as_github_describes_them(pull: PullRequest) -> None:
    for message in (GITHUB.push(pull.base, "main", before="a" * 40), GITHUB.push(pull.base, "greeting")):
        payload = json.loads(message.body)

        assert mistakes(payload, "webhook-push") == []
        assert mistakes({**payload, "ref": None}, "webhook-push") != []


def test_githubs_own_library_verifies_the_signatures(pull: PullRequest, tmp_path: Path) -> None:
    """Gitea and Forgejo send GitHub's header too, and the same hexadecimal digits in headers of their own."""
    sent = [GITHUB.push(pull.base, "main"), GITEA.push(pull.base, "main"), FORGEJO.pull_request(pull, "opened")]
    cases = [[one.body.decode(), one.headers["x-hub-signature-256"]] for one in sent]
    wrong = [[body + " ", signature] for body, signature in cases]
    packages = str(installed(LIBRARY))

    assert run(PROGRAM, packages, SECRET, home=tmp_path, given=json.dumps(cases + wrong)) == [True] * 3 + [False] * 3
    assert [sent[1].headers["x-gitea-signature"], sent[2].headers["x-forgejo-signature"]] == [
        cases[1][1].removeprefix("sha256="),
        cases[2][1].removeprefix("sha256="),
    ]


@pytest.mark.parametrize(
    ("name", "push", "change"),
    [
        ("github", GITHUB.push, lambda pull: GITHUB.pull_request(pull, "synchronize")),
        ("gitlab", GITLAB.push, lambda pull: GITLAB.merge_request(pull, "update")),
        ("gitea", GITEA.push, lambda pull: GITEA.pull_request(pull, "synchronized")),
        ("gitea", FORGEJO.push, lambda pull: FORGEJO.pull_request(pull, "reviewed")),
    ],
    ids=["github", "gitlab", "gitea", "forgejo"],
)
def test_the_controller_accepts_them(
    pull: PullRequest, name: str, push: Callable[..., Message], change: Callable[[PullRequest], Message]
) -> None:
    heard: list[str | int] = []

    def hears(what: str | int) -> bool:
        heard.append(what)
        return True

    repository = HookedRepository(SECRET, f"{BASE}/acme/flows.git", hears, hears)
    hooks = IncomingWebhooks([repository], SystemClock(), lambda *_: None)
    with served(Starlette(routes=hooks.routes())) as url:
        answers = [message.send(f"{url}/webhooks/{name}") for message in (push(pull.base, "main"), change(pull))]

    assert [answer.status_code for answer in answers] == [202, 202]
    assert heard == ["main", 1]
