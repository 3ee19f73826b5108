"""A renamed repository is found again on the same host, a few times at most, and the new name is told."""

from __future__ import annotations

import httpx
import pytest
from structlog.testing import capture_logs

from controller.domain.errors.forge import ForgeRejected
from controller.domain.errors.manifest import HostNotAllowed
from tests.support.forges.worlds import URL, ForgeWorld

NEW = "telephony/voice-flows"


async def test_reads_and_writes_of_the_former_name_reach_the_renamed_repository(world: ForgeWorld) -> None:
    forge = world.connect()
    world.server.forge.rename(world.repository, NEW)

    with capture_logs() as logs:
        await forge.add_comment(world.pull.number, "Hello")
        assert [each.body for each in await forge.comments(world.pull.number)] == ["Hello"]

    assert world.bodies() == ["Hello"]
    assert forge.repository == NEW
    assert [(each["old"], each["new"]) for each in logs if each["event"] == "forge.renamed"] == [("acme/flows", NEW)]


async def test_a_rename_between_two_calls_is_noticed(world: ForgeWorld) -> None:
    forge = world.connect()
    await forge.add_comment(world.pull.number, "Before")
    world.server.forge.rename(world.repository, NEW)

    await forge.add_comment(world.pull.number, "After")

    assert world.bodies() == ["Before", "After"]


async def test_the_new_name_is_asked_for_once(world: ForgeWorld) -> None:
    forge = world.connect()
    world.server.forge.rename(world.repository, NEW)
    await forge.comments(world.pull.number)
    world.server.calls.clear()

    await forge.comments(world.pull.number)

    assert world.server.count() == 1


async def test_a_repository_that_is_redirected_without_end_is_given_up(world: ForgeWorld) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(301, headers={"location": str(request.url)})

    with pytest.raises(ForgeRejected, match="redirects in a row"):
        await world.connect(http=httpx.MockTransport(answer)).comments(1)

    assert len(asked) == 5


@pytest.mark.parametrize(
    "location",
    [
        "https://elsewhere.example.com/api/v3/repos/acme/flows",
        "http://127.0.0.1:7991/api/v3/repos/acme/flows",
        "https://127.0.0.1:7990/api/v1/repos/acme/flows",
        "//elsewhere.example.com/x",
        "http://user@127.0.0.1:7990/api/v4/x",
        "/outside/of/the/api",
        "http://[bad",
        "",
    ],
)
async def test_a_token_never_follows_a_redirect_to_another_place(world: ForgeWorld, location: str) -> None:
    asked: list[httpx.URL] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        return httpx.Response(307, headers={"location": location} if location else {})

    forge = world.connect(http=httpx.MockTransport(answer))
    for call in (forge.comments(1), forge.add_comment(1, "Hello"), forge.login()):
        with pytest.raises(HostNotAllowed, match="the token would go along"):
            await call

    assert {str(url.copy_with(raw_path=b"")).rstrip("/") for url in asked} == {URL}
    assert len(asked) == 3


async def test_a_forge_that_names_a_repository_strangely_is_not_believed(world: ForgeWorld) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if "comments" in request.url.path or "notes" in request.url.path:
            return httpx.Response(301, headers={"location": f"{request.url}/moved"})
        return httpx.Response(200, json={"full_name": "../../user", "path_with_namespace": "../../user"})

    forge = world.connect(http=httpx.MockTransport(answer))

    with pytest.raises(ForgeRejected, match="calls the repository"):
        await forge.comments(1)
    assert forge.repository == "acme/flows"
