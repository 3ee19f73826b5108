"""Request limits are honoured: short waits are waited out, long ones are left to the caller, and nothing hammers."""

from __future__ import annotations

import pytest

from controller.domain.errors.forge import ForgeLimited, ForgeUnavailable
from controller.forges.port import CommitStatus, ForgeKind, StatusState
from tests.support.forges.server import Answer, Limit
from tests.support.forges.worlds import ForgeWorld


def limited(world: ForgeWorld, retry_after_s: int) -> Answer:
    if world.kind is ForgeKind.GITHUB:
        return world.server.secondary_limit(retry_after_s)
    if world.kind is ForgeKind.GITLAB:
        return world.server.throttled(Limit(10, 0, 0), retry_after_s)
    return Answer(429, "Too Many Requests", {"retry-after": str(retry_after_s)})


async def test_a_short_limit_is_waited_out_for_exactly_as_long_as_the_forge_asks(world: ForgeWorld) -> None:
    world.server.fail("GET", "/", limited(world, 40))

    found = await world.connect().pull_request(world.pull.number)

    assert found.number == world.pull.number
    assert (world.clock.elapsed_s, world.server.count()) == (40.0, 2)


async def test_a_write_that_a_limit_refused_is_sent_again(world: ForgeWorld) -> None:
    world.server.fail("POST", world.comments_path, limited(world, 30))

    await world.connect().add_comment(world.pull.number, "Hello")

    assert (world.clock.elapsed_s, world.bodies()) == (30.0, ["Hello"])


async def test_a_long_limit_is_told_with_its_time_and_not_waited_out(world: ForgeWorld) -> None:
    world.server.fail("GET", "/", limited(world, 900))
    forge = world.connect()

    with pytest.raises(ForgeLimited) as raised:
        await forge.pull_request(world.pull.number)

    assert (raised.value.retry_after_s, world.clock.elapsed_s) == (900.0, 0.0)
    with pytest.raises(ForgeLimited, match="not sent"):
        await forge.pull_request(world.pull.number)
    assert world.server.count() == 1
    world.clock.advance(900)
    assert (await forge.pull_request(world.pull.number)).number == world.pull.number


async def test_a_limit_that_does_not_end_is_given_up(world: ForgeWorld) -> None:
    world.server.fail("GET", "/", limited(world, 10), times=10)

    with pytest.raises(ForgeLimited):
        await world.connect().pull_request(world.pull.number)

    assert (world.clock.elapsed_s, world.server.count()) == (20.0, 3)


async def test_githubs_hourly_limit_ends_at_its_reset(github: ForgeWorld) -> None:
    now = int(github.clock.now().timestamp())
    github.server.limit = Limit(5000, 1, now + 50)
    forge = github.connect()
    await forge.pull_request(github.pull.number)

    await forge.pull_request(github.pull.number)

    assert (github.clock.elapsed_s, github.server.count()) == (50.0, 2)


async def test_githubs_hourly_limit_is_no_missing_permission(github: ForgeWorld) -> None:
    github.server.limit = Limit(5000, 0, int(github.clock.now().timestamp()) + 3000)

    with pytest.raises(ForgeLimited) as raised:
        await github.connect().pull_request(github.pull.number)

    assert raised.value.retry_after_s == 3000.0


async def test_a_secondary_limit_without_a_time_waits_a_minute(github: ForgeWorld) -> None:
    words = {"message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}
    github.server.fail("GET", "/pulls/", Answer(403, words))

    await github.connect().pull_request(github.pull.number)

    assert github.clock.elapsed_s == 60.0


async def test_writes_to_github_are_a_second_apart(github: ForgeWorld) -> None:
    forge = github.connect()
    for _ in range(3):
        await forge.add_comment(github.pull.number, "Hello")

    assert github.clock.elapsed_s == 2.0


async def test_a_server_fault_is_tried_again_where_that_is_safe(world: ForgeWorld) -> None:
    world.server.fail("GET", "/", Answer(502, "<html>Bad gateway</html>"), times=2)
    world.server.fail("POST", "/statuses/", Answer(500, {"message": "oops"}))
    forge = world.connect()

    await forge.pull_request(world.pull.number)
    await forge.set_status(world.pull.sha, CommitStatus(StatusState.PENDING, "penstock/plan", "Planning"))

    assert (world.server.count("GET"), world.server.count("POST")) == (3, 2)


async def test_a_server_fault_that_stays_is_told(world: ForgeWorld) -> None:
    world.server.fail("GET", "/", Answer(503, "down"), times=10)

    with pytest.raises(ForgeUnavailable, match="503: down"):
        await world.connect().pull_request(world.pull.number)

    assert world.server.count() == 3


async def test_githubs_headers_alone_tell_a_limit_from_a_missing_permission(github: ForgeWorld) -> None:
    reset = str(int(github.clock.now().timestamp()) + 25)
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": reset}
    github.server.fail("GET", "/pulls/", Answer(403, {"message": "Forbidden"}, headers))

    await github.connect().pull_request(github.pull.number)

    assert github.clock.elapsed_s == 25.0
