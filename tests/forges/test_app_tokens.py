"""A GitHub App logs in with its key; its tokens are kept while they are valid, renewed before they end, and hidden."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from controller.domain.errors.forge import ForgeLoginFailed
from controller.domain.errors.process import SettingsInvalid
from controller.domain.redaction import SECRETS
from controller.forges.github_app import GitHubApp
from controller.forges.port import AnnotationLevel, CheckResult, Forge, ForgeAnnotation, ForgeKind, StatusState
from tests.support.forges.server import Answer
from tests.support.forges.worlds import ForgeWorld, forge_world

PERMISSIONS = {"pull_requests": "write", "statuses": "write", "checks": "write"}


@pytest.fixture
def app(github: ForgeWorld) -> Any:
    made = github.server.apps.register("flow-plans")
    github.server.apps.install(made, [github.repository], PERMISSIONS)
    return made


def connected(world: ForgeWorld, app: Any, **changes: Any) -> Forge:
    identity = {"app_id": str(app.id), "private_key": app.private_key, **changes}
    return world.connect(credentials=GitHubApp(**identity))


def tokens_made(world: ForgeWorld) -> int:
    return world.server.count("POST", "/access_tokens")


async def test_the_installation_is_found_by_the_repository_and_one_token_serves_many_calls(
    github: ForgeWorld, app: Any
) -> None:
    forge = connected(github, app)
    for _ in range(3):
        await forge.comments(github.pull.number)

    assert (github.server.count("GET", "/installation"), tokens_made(github)) == (1, 1)


async def test_a_given_installation_is_not_looked_for(github: ForgeWorld, app: Any) -> None:
    [installation] = app.installations
    await connected(github, app, installation_id=installation).comments(github.pull.number)

    assert (github.server.count("GET", "/installation"), tokens_made(github)) == (0, 1)


async def test_a_token_is_renewed_before_it_ends(github: ForgeWorld, app: Any) -> None:
    forge = connected(github, app)
    await forge.comments(github.pull.number)
    github.clock.advance(54 * 60)
    await forge.comments(github.pull.number)
    assert tokens_made(github) == 1

    github.clock.advance(2 * 60)
    await forge.comments(github.pull.number)

    assert tokens_made(github) == 2


async def test_a_token_that_github_refuses_is_replaced_once_and_unseen(github: ForgeWorld, app: Any) -> None:
    forge = connected(github, app)
    await forge.comments(github.pull.number)
    github.server.tokens.clear()

    await forge.add_comment(github.pull.number, "Hello")

    assert (tokens_made(github), github.bodies()) == (2, ["Hello"])


async def test_a_refusal_that_stays_is_told_after_one_renewal(github: ForgeWorld, app: Any) -> None:
    forge = connected(github, app)
    github.server.fail("GET", "/comments", Answer(401, {"message": "Bad credentials"}), times=9)

    with pytest.raises(ForgeLoginFailed):
        await forge.comments(github.pull.number)

    assert (tokens_made(github), github.server.count("GET", "/comments")) == (2, 2)


async def test_an_app_writes_as_its_bot_and_knows_so(github: ForgeWorld, app: Any) -> None:
    forge = connected(github, app)

    comment = await forge.add_comment(github.pull.number, "Hello")

    assert comment.author == "flow-plans[bot]"
    assert await forge.login() == comment.author


async def test_an_app_that_is_not_installed_says_so(github: ForgeWorld) -> None:
    stranger = github.server.apps.register("stranger")

    with pytest.raises(ForgeLoginFailed, match="cannot log in") as raised:
        await connected(github, stranger).comments(github.pull.number)

    assert "installed in the repository" in str(raised.value.hint)


async def test_a_renamed_repository_still_has_its_installation(github: ForgeWorld, app: Any) -> None:
    forge = connected(github, app)
    await forge.comments(github.pull.number)
    github.server.forge.rename(github.repository, "telephony/flows")
    github.clock.advance(3600)

    await forge.add_comment(github.pull.number, "Hello")

    assert (forge.repository, github.bodies()) == ("telephony/flows", ["Hello"])


@pytest.mark.parametrize("key", ["", "no key", "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----"])
async def test_an_unusable_key_is_a_mistake_in_the_settings(github: ForgeWorld, app: Any, key: str) -> None:
    with pytest.raises(SettingsInvalid, match="private RSA key") as raised:
        connected(github, app, private_key=key)

    assert "AAAA" not in raised.value.message


@pytest.mark.parametrize("kind", [ForgeKind.GITLAB, ForgeKind.GITEA])
async def test_only_github_has_apps(kind: ForgeKind) -> None:
    world = forge_world(kind)

    with pytest.raises(SettingsInvalid, match="of no use"):
        world.connect(credentials=GitHubApp("1", "key"))


async def test_key_and_tokens_are_masked_in_everything_that_is_shown(github: ForgeWorld, app: Any) -> None:
    forge = connected(github, app)
    with capture_logs() as logs:
        await forge.comments(github.pull.number)
    [token] = [value for value in github.server.tokens if value.startswith("ghs_")]
    line = app.private_key.splitlines()[3]

    shown = SECRETS.text(f"{token} {line} {logs}")

    assert token not in shown
    assert line not in shown
    assert app.private_key not in repr(GitHubApp("1", app.private_key))


async def test_annotations_are_sent_fifty_at_once(github: ForgeWorld, app: Any) -> None:
    forge = connected(github, app)
    annotations = [
        ForgeAnnotation(
            "flows/greeting.yaml", line, 3 if line % 2 else None, AnnotationLevel.WARNING, "Unused", "unused"
        )
        for line in range(1, 121)
    ]

    assert forge.checks is not None
    result = CheckResult("penstock/validate", StatusState.FAILURE, "120 warnings", "See **below**")
    await forge.checks.annotate(github.pull.sha, annotations, result)

    [run] = github.repository.checks.values()
    assert [each["start_line"] for each in run.annotations] == list(range(1, 121))
    assert (run.sha, run.name, run.values["conclusion"]) == (github.pull.sha, "penstock/validate", "failure")
    assert (github.server.count("POST", "/check-runs"), github.server.count("PATCH", "/check-runs")) == (1, 2)


@pytest.mark.proof
async def test_far_too_many_annotations_are_cut_and_the_summary_says_so(github: ForgeWorld, app: Any) -> None:
    forge = connected(github, app)
    short = ForgeAnnotation("a.yaml", 1, None, AnnotationLevel.NOTICE, "x", "y")
    long = replace(short, message="x" * 100_000, title="y" * 500)

    assert forge.checks is not None
    result = CheckResult("penstock/validate", StatusState.SUCCESS, "t" * 500, "s" * 100_000)
    await forge.checks.annotate(github.pull.sha, [long] * 60 + [short] * 1_140, result)

    [run] = github.repository.checks.values()
    assert len(run.annotations) == 1_000
    assert run.values["output"]["summary"].startswith("The first 1,000 of 1,200 annotations are shown.")


async def test_a_persons_token_has_no_check_runs(world: ForgeWorld) -> None:
    assert world.connect().checks is None
