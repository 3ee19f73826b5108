"""A PostgreSQL server goes down as by a crash in the middle of a delivery, and comes back on the same data."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from controller.delivery.sync_run import DeliveryEvent
from controller.domain.errors.process import StoreFailed
from tests.availability.rivals import Rivals
from tests.availability.wishes import ask_for_a_bake, ask_for_another_bake
from tests.support.dialects import BOTH
from tests.support.postgres import Server, needed_server, new_store
from tests.support.service import eventually
from tests.support.world import Recording, World

MOMENTS = ("sync.started", "change.publishing", "write.intended", "write.answered", "change.live", "change.exported")
TWICE = ["inboundcall/Desk"] * 2


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with needed_server() as made:
        yield made


@pytest.fixture
def database(server: Server) -> str:
    """An empty one on this server instead of the one that all other tests share."""
    return new_store(server.url)


@pytest.fixture
async def asked(world: World, database: str) -> World:
    """`desk` is live, and a new version of it is asked for; the store is the server's."""
    world.settings = world.settings.model_copy(update={"store": database})
    await world.restart()
    world.describe(safety={"maxActiveVersions": 2 * len(MOMENTS)})
    await ask_for_a_bake(world)
    return world


class Restarting(Recording):
    """The server is restarted at everything that happens."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self._server = server

    def progressed(self, event: DeliveryEvent) -> None:
        super().progressed(event)
        self._server.stop()
        self._server.start()


class GoingDown(Recording):
    """The server goes down at a moment of the delivery, and stays down."""

    def __init__(self, server: Server, moment: str) -> None:
        super().__init__()
        self._server = server
        self._moment: str | None = moment

    def progressed(self, event: DeliveryEvent) -> None:
        super().progressed(event)
        if event.name == self._moment:
            self._moment = None
            self._server.stop()


@BOTH
async def test_a_delivery_goes_on_whenever_the_server_is_restarted(asked: World, server: Server) -> None:
    restarting = Restarting(server)

    report = await asked.apply(restarting)

    assert report.delivered, report.error
    assert {"write.intended", "change.baking", "change.exported"} <= {event.name for event in restarting.events}
    assert asked.publishes() == TWICE
    await asked.assert_settled()


@BOTH
async def test_the_next_pass_goes_on_when_the_server_was_down_for_long(asked: World, server: Server) -> None:
    """In the same process, whose connections all broke, and whose lease could not be given back.

    Once for each moment, with another new version each time.
    """
    for published, moment in enumerate(MOMENTS, len(TWICE)):
        report = await asked.apply(GoingDown(server, moment))

        assert isinstance(report.error, StoreFailed), moment
        assert "the store postgresql" in report.error.message
        server.start()
        again = await asked.apply()
        assert again.delivered, (moment, again.error)
        assert asked.publishes() == ["inboundcall/Desk"] * published
        await asked.assert_settled()
        ask_for_another_bake(asked, f"After {moment}")


def test_two_controllers_outlive_their_server_and_deliver_once(rivals: Rivals, server: Server) -> None:
    rivals.wish("Hello")
    rivals.one.start()
    rivals.other.start()
    eventually(lambda: any(name == "Front" for _, _, name, _ in rivals.publishes()), "the last publish")

    server.stop()
    eventually(
        lambda: any("store-failed" in each.log.read_text() for each in (rivals.one, rivals.other)),
        "one of them misses the store",
    )
    server.start()

    eventually(rivals.delivered("1.0"), "the delivery")
    assert sorted(entry[2:] for entry in rivals.publishes()) == [("Front", "1.0"), ("Hours", "1.0")]
    for service in (rivals.one, rivals.other):
        eventually(lambda service=service: service.organization().get("sync") == "Synced", "both see it")
        assert service.stop() == 0
