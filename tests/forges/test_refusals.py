"""A refusal says what the token lacks or what is missing, and a foreign answer is never taken for one of the API."""

from __future__ import annotations

import httpx
import pytest

from controller.domain.errors.forge import (
    ForgeLoginFailed,
    ForgeNotFound,
    ForgePermissionMissing,
    ForgeRejected,
    ForgeTooLarge,
    ForgeUnavailable,
)
from controller.forges.call import ForgeCall
from controller.forges.errors import fault_of
from controller.forges.limits import ForgeLimits
from controller.forges.port import CommitStatus, ForgeKind, StatusState
from tests.support.forges.server import Answer
from tests.support.forges.worlds import BOT, ForgeWorld

LIMITED_TOKENS = {
    ForgeKind.GITHUB: {"kind": "fine", "permissions": {"metadata": "read", "pull_requests": "read"}},
    ForgeKind.GITLAB: {"scopes": ("read_api",)},
    ForgeKind.GITEA: {"scopes": ("read:repository", "read:issue", "read:user")},
}
NAMED = {
    ForgeKind.GITHUB: "issues=write or pull_requests=write",
    ForgeKind.GITLAB: "scope api",
    ForgeKind.GITEA: "scope write:issue",
}


async def test_a_missing_permission_is_named_as_the_forge_names_it(world: ForgeWorld) -> None:
    world.token(BOT, **LIMITED_TOKENS[world.kind])

    with pytest.raises(ForgePermissionMissing) as raised:
        await world.connect().add_comment(world.pull.number, "Hello")

    assert raised.value.permission == NAMED[world.kind]
    assert NAMED[world.kind] in raised.value.message


async def test_a_refusal_that_names_nothing_gets_the_permission_of_the_call(world: ForgeWorld) -> None:
    world.server.fail("POST", "/statuses/", Answer(403, {"message": "Forbidden"}))

    with pytest.raises(ForgePermissionMissing) as raised:
        await world.connect().set_status(world.pull.sha, CommitStatus(StatusState.SUCCESS, "penstock/plan", "Done"))

    named = {
        ForgeKind.GITHUB: "Commit statuses: write",
        ForgeKind.GITLAB: "scope api, role Developer",
        ForgeKind.GITEA: "scope write:repository",
    }
    assert raised.value.permission == named[world.kind]


async def test_a_missing_pull_request_is_no_missing_repository(world: ForgeWorld) -> None:
    word = "merge request" if world.kind is ForgeKind.GITLAB else "pull request"

    with pytest.raises(ForgeNotFound, match=f"acme/flows has no {word} 99"):
        await world.connect().pull_request(99)


async def test_a_missing_repository_is_no_missing_pull_request(world: ForgeWorld) -> None:
    with pytest.raises(ForgeNotFound, match="the repository acme/elsewhere does not exist"):
        await world.connect(repository="acme/elsewhere").pull_request(world.pull.number)


async def test_a_wrong_token_is_told_as_such(world: ForgeWorld) -> None:
    with pytest.raises(ForgeLoginFailed, match="401"):
        await world.connect(credentials="a-token-that-nobody-has").pull_request(world.pull.number)


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>", b"[]", b"{}", b'"x"', b"\xff\xfe", b"[" * 100_000, b'{"number": 1}'],
    ids=["nothing", "page", "list", "empty", "text", "bytes", "bomb", "half"],
)
async def test_an_answer_of_another_shape_is_a_fault_of_the_forge(world: ForgeWorld, content: bytes) -> None:
    http = httpx.MockTransport(lambda _: httpx.Response(200, content=content))
    forge = world.connect(http=http)

    with pytest.raises(ForgeUnavailable):
        await forge.pull_request(1)
    with pytest.raises(ForgeUnavailable) as raised:
        await forge.add_comment(1, "Hello")
    assert raised.value.uncertain


@pytest.mark.parametrize("status", [400, 405, 409, 418, 422, 451])
async def test_any_other_refusal_repeats_the_forges_words_without_markup_or_secrets(
    world: ForgeWorld, status: int
) -> None:
    words = {"message": f"no\x1b[31m\n{'x' * 5000}", "errors": [{"message": f"token-of-{BOT}"}]}
    world.server.fail("POST", world.comments_path, Answer(status, words))

    with pytest.raises(ForgeRejected) as raised:
        await world.connect().add_comment(world.pull.number, "Hello")

    assert raised.value.status == status
    assert (raised.value.message.isprintable(), len(raised.value.message) < 700) == (True, True)
    assert f"token-of-{BOT}" not in raised.value.message


async def test_an_endless_answer_is_not_read(world: ForgeWorld) -> None:
    world.server.forge.comment(world.pull, "carol", "x" * 50_000)
    forge = world.connect(limits=ForgeLimits(answer_limit_bytes=20_000))

    with pytest.raises(ForgeTooLarge, match="more than 20,000 bytes"):
        await forge.comments(world.pull.number)


async def test_comments_that_fill_a_page_are_read_on_smaller_ones(github: ForgeWorld, gitlab: ForgeWorld) -> None:
    for world in (github, gitlab):
        for _ in range(30):
            world.server.forge.comment(world.pull, "carol", "x" * 5_000)
        forge = world.connect(limits=ForgeLimits(answer_limit_bytes=100_000))

        assert len(await forge.comments(world.pull.number)) == 30


async def test_a_listing_without_end_is_given_up(world: ForgeWorld) -> None:
    for number in range(205):
        world.server.forge.pull_request(world.repository, "ada", f"branch-{number}")

    with pytest.raises(ForgeTooLarge, match="more than 2 pages"):
        await world.connect(limits=ForgeLimits(pages=2)).open_pull_requests()


@pytest.mark.parametrize(
    "raised",
    [
        httpx.ConnectError("no route"),
        httpx.ReadTimeout("late"),
        httpx.RemoteProtocolError("torn"),
        httpx.DecodingError("gzip"),
        httpx.TooManyRedirects("loop"),
        httpx.StreamError("stream"),
    ],
)
async def test_no_exception_of_httpx_leaves_the_package(world: ForgeWorld, raised: Exception) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise raised

    with pytest.raises(ForgeUnavailable) as told:
        await world.connect(http=httpx.MockTransport(answer)).add_comment(1, "Hello")

    assert told.value.uncertain is not isinstance(raised, httpx.ConnectError)


def test_every_exception_of_httpx_has_an_entry_in_the_table() -> None:
    kinds = [kind for kind in vars(httpx).values() if isinstance(kind, type) and issubclass(kind, httpx.HTTPError)]
    call = ForgeCall("POST", "/x", repeatable=False)

    told = {kind.__name__: fault_of(call, kind.__new__(kind), "host").uncertain for kind in kinds}

    assert len(told) > 15
    assert sorted(name for name, uncertain in told.items() if not uncertain) == [
        "ConnectError", "ConnectTimeout", "LocalProtocolError", "PoolTimeout", "ProxyError", "UnsupportedProtocol",
    ]  # fmt: skip


async def test_a_silent_forge_is_waited_for_in_bounded_time(world: ForgeWorld) -> None:
    async def silent(scope: object, receive: object, send: object) -> None:
        await world.clock.sleep(10_000)

    with pytest.raises(ForgeUnavailable, match="did not answer within 45 s"):
        await world.connect(http=httpx.ASGITransport(app=silent)).add_comment(1, "Hello")

    assert world.clock.elapsed_s == 45.0


async def test_a_commit_that_is_none_is_never_sent(world: ForgeWorld) -> None:
    for sha in ("main", "../../user", "0" * 39, "", "G" * 40):
        with pytest.raises(ForgeRejected):
            await world.connect().set_status(sha, CommitStatus(StatusState.SUCCESS, "penstock/plan", "Done"))

    assert world.server.calls == []


async def test_a_user_with_a_hostile_name_stays_one_segment_of_the_path(github: ForgeWorld, gitea: ForgeWorld) -> None:
    for world in (github, gitea):
        world.server.forge.grant(world.repository, "admin", BOT)
        forge = world.connect()
        assert not await forge.may_write("ada/../../../user?x=#y")
        with pytest.raises(ForgeRejected):
            await forge.may_write("..")

        asked = {call.path for call in world.server.calls} - {f"{world.server.prefix}/repos/acme/flows"}
        assert asked == {
            f"{world.server.prefix}/repos/acme/flows/collaborators/ada%2F..%2F..%2F..%2Fuser%3Fx%3D%23y/permission"
        }
