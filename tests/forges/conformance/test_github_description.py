"""Every request that Penstock sends to GitHub is valid by the description that GitHub publishes.

Prism, which others wrote, reads the description, passes each request on to the tests' GitHub, and tells in its answer
what of it is not as described.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from controller.forges.connect import ForgeConnection, connect_forge
from controller.forges.github_app import GitHubApp
from controller.forges.port import AnnotationLevel, CheckResult, Forge, ForgeAnnotation, ForgeKind, StatusState
from tests.forges.conformance.prism import Violation, Watch, prism, said
from tests.forges.conformance.stories import OF_ALL, HastyClock, Story
from tests.support.forges.github import GitHub
from tests.support.forges.github_access import Token
from tests.support.forges.model import PullRequest
from tests.support.forges.server import served

NAME = "acme/flows"
API = "/api/v3"
PERMISSIONS = {"checks": "write", "statuses": "write", "pull_requests": "write", "issues": "write"}


@dataclass(frozen=True, slots=True)
class Scene:
    """The tests' GitHub with an open pull request of Ada's, an App, and Prism before it all."""

    forge: GitHub
    pull: PullRequest
    app: GitHubApp
    url: str

    def connect(self, watch: Watch, *, as_app: bool) -> Forge:
        connection = ForgeConnection(
            kind=ForgeKind.GITHUB,
            repository=NAME,
            credentials=self.app if as_app else "token-of-penstock",
            api_url=self.url + API,
            hosts=(httpx.URL(self.url).netloc.decode(),),
        )
        return connect_forge(connection, clock=HastyClock(), http=watch)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    forge = GitHub(enterprise=True)
    repository = forge.forge.repository(NAME)
    forge.forge.grant(repository, "write", "ada", "grace", "penstock")
    forge.tokens["token-of-penstock"] = Token("penstock")
    registered = forge.apps.register()
    forge.apps.install(registered, [repository], PERMISSIONS)
    pull = forge.forge.pull_request(repository, "ada", "greeting", title="Change the greeting")
    forge.forge.review(pull, "grace")
    forge.forge.push(repository, "drift")
    app = GitHubApp(app_id=str(registered.id), private_key=registered.private_key)
    with served(forge) as upstream, prism(upstream + API, tmp_path_factory.mktemp("prism")) as url:
        yield Scene(forge, pull, app, url)


async def annotates(forge: Forge, pull: PullRequest) -> None:
    assert forge.checks is not None
    notes = [
        ForgeAnnotation("flows/a.yaml", line, 3 if line % 2 else None, level, "Unknown queue", "Queue")
        for line in range(1, 61)
        for level in (list(AnnotationLevel)[line % 3],)
    ]
    for state in StatusState:
        await forge.checks.annotate(pull.sha, notes, CheckResult("penstock/validate", state, "60 mistakes", "All"))
    await forge.checks.annotate(pull.sha, [], CheckResult("penstock/validate", StatusState.SUCCESS, "None", "None"))


ROUTES = {
    "DELETE /repos/acme/flows/issues/comments/N",
    "GET /app",
    "GET /repos/acme/flows",
    "GET /repos/acme/flows/collaborators/ada/permission",
    "GET /repos/acme/flows/collaborators/nobody-at-all/permission",
    "GET /repos/acme/flows/installation",
    "GET /repos/acme/flows/issues/N/comments",
    "GET /repos/acme/flows/pulls",
    "GET /repos/acme/flows/pulls/N",
    "GET /repos/acme/flows/pulls/N/reviews",
    "GET /user",
    "PATCH /repos/acme/flows/check-runs/N",
    "PATCH /repos/acme/flows/issues/comments/N",
    "PATCH /repos/acme/flows/pulls/N",
    "POST /app/installations/N/access_tokens",
    "POST /repos/acme/flows/check-runs",
    "POST /repos/acme/flows/issues/N/comments",
    "POST /repos/acme/flows/pulls",
    "POST /repos/acme/flows/statuses/SHA",
}
"""Every request of the client but GraphQL's, which the description does not hold."""


async def played(scene: Scene, stories: Iterable[Story], *, as_app: bool) -> list[Violation]:
    watch = Watch()
    forge = scene.connect(watch, as_app=as_app)
    try:
        for story in stories:
            await story(forge, scene.pull)
    finally:
        await forge.aclose()
    return watch.violations


def routes(forge: GitHub) -> set[str]:
    """What was asked of the tests' GitHub, without the ids in it."""
    paths = {f"{call.method} {call.path.removeprefix(API)}" for call in forge.calls}
    named = (re.sub(r"/[0-9a-f]{40}(?=/|$)", "/SHA", path) for path in paths)
    return {re.sub(r"/\d+(?=/|$)", "/N", path) for path in named}


async def test_every_request_and_every_answer_of_the_fake_is_as_described(scene: Scene) -> None:
    """A person's token and an App's, every operation of the port, every value that a status or a check can have."""
    scene.forge.calls.clear()
    found = await played(scene, OF_ALL, as_app=False) + await played(scene, [*OF_ALL, annotates], as_app=True)

    assert [one for one in found if one.side == "request"] == []
    assert [one for one in found if one.side == "response"] == []
    assert routes(scene.forge) == ROUTES


@pytest.mark.parametrize(
    ("method", "path", "body", "said_of_it"),
    [
        ("GET", "/pulls?state=opened", None, "state must be equal to one of the allowed values"),
        ("GET", "/pulls?per_page=many", None, "per_page must be integer"),
        ("POST", "/pulls", {"title": "No branches"}, "must have required property"),
        ("POST", "/issues/1/comments", {"text": "the plan"}, "must have required property 'body'"),
        ("POST", "/statuses/" + "a" * 40, {"state": "failed"}, "must be equal to one of the allowed values"),
        ("POST", "/check-runs", {"name": "penstock", "head_sha": "a" * 40, "output": {"title": "x"}}, "summary"),
        ("POST", "/pulls/1/comment", {"body": "x"}, "route not found"),
    ],
)
def test_a_wrong_request_is_caught(
    scene: Scene, method: str, path: str, body: dict[str, Any] | None, said_of_it: str
) -> None:
    headers = {"authorization": "Bearer token-of-penstock"}
    answer = httpx.request(method, f"{scene.url}{API}/repos/{NAME}{path}", json=body, headers=headers, timeout=60)
    found = [one.message for one in said(path, answer) if one.side == "request"]
    assert [one for one in found if said_of_it in one.lower() or said_of_it in one], found
