"""Only the operator says where a token goes, and it goes nowhere else."""

from __future__ import annotations

import logging
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from controller.domain.errors.branches import PenstockError
from controller.domain.errors.forge import ForgeUnavailable
from controller.domain.errors.manifest import HostNotAllowed
from controller.domain.errors.process import SettingsInvalid
from controller.domain.redaction import SECRETS
from controller.forges.connect import ForgeConnection, checked_api_url, connect_forge
from controller.forges.port import ForgeKind
from tests.support.clock import SteppedClock
from tests.support.forges.worlds import BOT, ForgeWorld

GITHUB, GITLAB, GITEA = ForgeKind.GITHUB, ForgeKind.GITLAB, ForgeKind.GITEA
OWN = [
    "git.example.com",
    "git.example.com:8443",
    "ghe.example.com",
    "api.acme.ghe.com",
    "127.0.0.1",
    "localhost",
    "::1",
]


@pytest.mark.parametrize(
    ("kind", "given", "used"),
    [
        (GITHUB, None, "https://api.github.com"),
        (GITHUB, "https://github.com", "https://api.github.com"),
        (GITHUB, "https://api.github.com/", "https://api.github.com"),
        (GITHUB, "https://ghe.example.com", "https://ghe.example.com/api/v3"),
        (GITHUB, "https://ghe.example.com/api/v3/", "https://ghe.example.com/api/v3"),
        (GITHUB, "https://api.acme.ghe.com", "https://api.acme.ghe.com"),
        (GITLAB, None, "https://gitlab.com/api/v4"),
        (GITLAB, "https://gitlab.com", "https://gitlab.com/api/v4"),
        (GITLAB, "https://git.example.com/gitlab/", "https://git.example.com/gitlab/api/v4"),
        (GITEA, "https://GIT.example.com:8443/api/v1", "https://git.example.com:8443/api/v1"),
        (GITEA, "https://git.example.com:443", "https://git.example.com/api/v1"),
        (GITEA, "http://127.0.0.1:3000", "http://127.0.0.1:3000/api/v1"),
        (GITEA, "http://[::1]:3000", "http://[::1]:3000/api/v1"),
    ],
)
def test_the_address_of_the_api_follows_from_that_of_the_forge(kind: ForgeKind, given: str | None, used: str) -> None:
    assert checked_api_url(kind, given, OWN) == used


@pytest.mark.parametrize(
    "url",
    [
        "https://git.elsewhere.com",
        "https://gitlab.com.evil.example",
        "https://git.example.com:9999",
        "https://api.github.com.evil.example",
        "https://169.254.169.254",
    ],
)
@pytest.mark.parametrize("kind", ForgeKind)
def test_a_host_that_the_operator_does_not_list_gets_no_token(kind: ForgeKind, url: str) -> None:
    with pytest.raises(HostNotAllowed, match="which is not allowed"):
        checked_api_url(kind, url, ["git.example.com:8443", "ghe.example.com"])


@pytest.mark.parametrize(
    "url",
    [
        "http://git.example.com",
        "ftp://git.example.com",
        "git.example.com",
        "https://",
        "https://token@git.example.com",
        "https://git.example.com?x=1",
        "https://git.example.com:port",
        "http://127.0.0.1.example.com",
    ],
)
@pytest.mark.parametrize("kind", ForgeKind)
def test_an_address_that_could_lose_the_token_is_refused(kind: ForgeKind, url: str) -> None:
    with pytest.raises(SettingsInvalid):
        checked_api_url(kind, url, OWN)


def test_gitea_has_no_public_address() -> None:
    with pytest.raises(SettingsInvalid, match="no usual address"):
        checked_api_url(GITEA, None, OWN)


@pytest.mark.parametrize(
    "name", ["", "acme", "acme/", "/flows", "acme/../x", "../..", "a/b?c", "a b/c", "acme/flöws", "a/b/c"]
)
async def test_a_name_that_is_no_repository_is_refused(name: str) -> None:
    connection = ForgeConnection(kind=GITHUB, repository=name, credentials="a-token-of-some-length")

    with pytest.raises(SettingsInvalid, match="not the name of a repository"):
        connect_forge(connection, clock=SteppedClock())


@pytest.mark.parametrize("token", ["", "  ", "two words", "line\nbreak", "tök"])
async def test_a_token_that_cannot_be_one_is_refused_and_not_shown(token: str) -> None:
    connection = ForgeConnection(kind=GITHUB, repository="acme/flows", credentials=token)

    with pytest.raises(SettingsInvalid, match="token is empty, or holds") as raised:
        connect_forge(connection, clock=SteppedClock())

    assert not token.strip() or token not in raised.value.message


async def test_gitlab_has_groups_in_groups(gitlab: ForgeWorld) -> None:
    deep = gitlab.server.forge.repository("acme/telephony/flows")
    gitlab.server.forge.grant(deep, "maintain", BOT)
    pull = gitlab.server.forge.pull_request(deep, "ada", "change")

    assert (await gitlab.connect(repository="acme/telephony/flows").pull_request(pull.number)).number == pull.number


async def test_each_forge_gets_the_token_in_the_header_that_it_documents(world: ForgeWorld) -> None:
    await world.connect().comments(world.pull.number)

    [call] = world.server.calls
    expected = {
        GITHUB: ("authorization", f"Bearer token-of-{BOT}"),
        GITLAB: ("private-token", f"token-of-{BOT}"),
        GITEA: ("authorization", f"token token-of-{BOT}"),
    }
    name, value = expected[world.kind]
    assert call.headers[name] == value
    assert f"token-of-{BOT}" not in f"{call.path} {call.query}"


async def test_the_token_is_in_no_error_and_in_no_log(world: ForgeWorld, caplog: pytest.LogCaptureFixture) -> None:
    token = f"token-of-{BOT}"

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            raise httpx.ConnectError(f"cannot reach with {token}")
        return httpx.Response(422, json={"message": f"bad header {dict(request.headers)}"})

    forge = world.connect(http=httpx.MockTransport(answer))
    errors = []
    with caplog.at_level(logging.DEBUG), capture_logs() as logs:
        for call in (forge.comments(1), forge.add_comment(1, "Hello")):
            with pytest.raises(PenstockError) as raised:
                await call
            errors.append(f"{raised.value} {raised.value.hint}")

    assert token not in " ".join(errors)
    assert token not in SECRETS.text(str(logs))
    assert token not in caplog.text


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_an_unusable_file_of_certificates_is_a_mistake_in_the_settings(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    connection = ForgeConnection(
        kind=GITHUB, repository="acme/flows", credentials="a-token-of-some-length", ca_file=file
    )

    with pytest.raises(SettingsInvalid, match="certificates"):
        connect_forge(connection, clock=SteppedClock())


async def test_cookies_of_a_forge_are_not_kept(world: ForgeWorld) -> None:
    seen: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("cookie"))
        return httpx.Response(200, json=[], headers={"set-cookie": "session=1"})

    forge = world.connect(http=httpx.MockTransport(answer))
    for _ in range(2):
        await forge.comments(1)

    assert seen == [None, None]


async def test_an_unpacked_bomb_is_not_read(world: ForgeWorld) -> None:
    http = httpx.MockTransport(lambda _: httpx.Response(200, headers={"content-encoding": "br"}, content=b"x"))

    with pytest.raises(ForgeUnavailable):
        await world.connect(http=http).comments(1)
