"""A remote that accepts connections and says nothing keeps no other repository waiting."""

from __future__ import annotations

import socket
from pathlib import Path

import yaml

from controller.service.belonging import Claim, belonging, delivered_elsewhere
from controller.service.board import SLOW_S, Board
from controller.service.described import described_in
from tests.support.service import Service
from tests.support.shell import simulator_thread
from tests.support.sources import inbound
from tests.support.world import World


def test_the_good_one_is_delivered_while_another_remote_does_not_answer(world: World, tmp_path: Path) -> None:
    silent = socket.create_server(("127.0.0.1", 0))
    with simulator_thread(rate_limit=3000) as url:
        world.describe(apiUrl=url, loginUrl=url)
        world.flow("front", inbound("Front"))
        world.commit()
        service = Service(world, url, tmp_path)
        slow = {"name": "slow", "url": f"http://127.0.0.1:{silent.getsockname()[1]}/x.git", "organizations": ["other"]}
        repositories = [slow, {"name": "good", "url": str(world.remote)}]
        document = {"apiVersion": "penstock/v1", "kind": "Configuration", "repositories": repositories}
        (tmp_path / "configuration.yaml").write_text(yaml.safe_dump(document))
        del service.environment["PENSTOCK_REPOSITORY_URL"]
        service.environment["PENSTOCK_CONFIG"] = str(tmp_path / "configuration.yaml")
        service.start()
        service.until(lambda: service.live() == {"Front": "1.0"}, "the good one is delivered")
        world.flow("front", inbound("Front", says="Again"))
        world.commit()
        service.until(lambda: service.live() == {"Front": "2.0"}, "the next commit, too")
        answer = service.get("/status")
        assert answer is not None
        found = {each["name"]: (each["revision"], each["fault"]) for each in answer.json()["repositories"]}
        assert found["slow"] == (None, None)
        assert found["good"] == (world.git("rev-parse", "HEAD"), None)
        silent.close()
        assert service.stop() == 0


async def test_an_earlier_repository_is_waited_for_while_it_may_describe_the_organisation(world: World) -> None:
    world.flow("front", inbound("Front"))
    world.commit()
    later = Claim("later", (), described_in(world.workspace(), world.services, "later"), undecided=False)

    def owner(patterns: tuple[str, ...], *, undecided: bool) -> str | None:
        first = Claim("first", patterns, (), undecided=undecided, read=not undecided)
        found = belonging([first, later], delivered_elsewhere).wanted.get("acme")
        return None if found is None else found.repository

    assert owner((), undecided=True) is None
    assert owner(("ac*",), undecided=True) is None
    assert owner(("other",), undecided=True) == "later"
    assert owner((), undecided=False) == "later"


def test_a_repository_that_is_slow_or_broken_is_not_waited_for(world: World) -> None:
    board = Board(world.clock, joined=True)
    slow, broken, good = (board.follow(name) for name in ("slow", "broken", "good"))
    broken.fault = "the remote does not answer"
    assert [board.waits_for(each) for each in (slow, broken, good)] == [True, False, True]
    good.revision = "c0ffee"
    assert not board.ready
    world.clock.advance(SLOW_S + 1)
    assert board.ready
    assert not board.waits_for(slow)
