"""The store does not answer for a while: a delivery that only waits goes on, and one that must note something stops."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from typing import Any, Protocol

import pytest
from sqlalchemy import Engine, create_engine, event, make_url, text

from controller.delivery.sync_run import DeliveryEvent
from controller.domain.errors.process import StoreFailed
from tests.availability.wishes import ask_for_a_bake
from tests.support.dialects import BOTH
from tests.support.service import eventually
from tests.support.world import ORGANIZATION, Recording, World

BAKE_S = 600.0
BEGINS_S = 10.0
"""How long after the bake began the store goes away."""


class Away(Protocol):
    """A store that can go away and come back."""

    def go(self) -> None: ...

    def come_back(self) -> None: ...

    def close(self) -> None: ...


class LockedFile:
    """Another program keeps the SQLite file locked."""

    def __init__(self, world: World) -> None:
        self._other = sqlite3.connect(make_url(world.settings.store).database or "", isolation_level=None)
        event.listen(world.services.store.database._engine, "checkout", _impatient)

    def go(self) -> None:
        self._other.execute("BEGIN IMMEDIATE")

    def come_back(self) -> None:
        self._other.execute("ROLLBACK")

    def close(self) -> None:
        self._other.close()


def _impatient(connection: Any, *_rest: object) -> None:
    """What is locked is reported at once, where five seconds are waited for otherwise."""
    connection.execute("PRAGMA busy_timeout=1")


class ClosedServer:
    """The PostgreSQL server takes no connection any more, and ends those that there are."""

    def __init__(self, database: str) -> None:
        url = make_url(database.replace("postgresql://", "postgresql+psycopg://"))
        self._name = url.database
        self._engine: Engine = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")

    def go(self) -> None:
        with self._engine.connect() as connection:
            connection.execute(text(f"ALTER DATABASE {self._name} ALLOW_CONNECTIONS false"))
            ended = text("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = :name")
            # A session is only told to end: until it has, it still takes what is written.
            eventually(lambda: connection.execute(ended, {"name": self._name}).scalar_one() == 0, "no session is left")

    def come_back(self) -> None:
        with self._engine.connect() as connection:
            connection.execute(text(f"ALTER DATABASE {self._name} ALLOW_CONNECTIONS true"))

    def close(self) -> None:
        self._engine.dispose()


class Outage(Recording):
    """The store is away for a while of a bake."""

    def __init__(self, world: World, away: Away, lasts_s: float) -> None:
        super().__init__()
        self._world, self._away, self._lasts_s = world, away, lasts_s
        self.began_at: float | None = None
        self.is_away = False

    def progressed(self, event: DeliveryEvent) -> None:
        super().progressed(event)
        if event.name == "change.baking" and self.began_at is None:
            self.began_at = self._world.clock.elapsed_s

    def tick(self) -> bool:
        """Asked every second, whether to stop: never."""
        passed_s = 0.0 if self.began_at is None else self._world.clock.elapsed_s - self.began_at - BEGINS_S
        if not self.is_away and 0 < passed_s < self._lasts_s:
            self._away.go()
            self.is_away = True
        elif passed_s >= self._lasts_s:
            self.over()
        return False

    def over(self) -> None:
        if self.is_away:
            self._away.come_back()
            self.is_away = False


@pytest.fixture(params=["sqlite", "postgresql"])
async def away(request: pytest.FixtureRequest, world: World) -> AsyncIterator[Away]:
    """`desk` is live, and a new version that bakes for ten minutes is asked for."""
    if request.param == "postgresql":
        database = request.getfixturevalue("database")
        world.settings = world.settings.model_copy(update={"store": database})
        await world.restart()
    await ask_for_a_bake(world)
    made: Away = LockedFile(world) if request.param == "sqlite" else ClosedServer(database)
    yield made
    made.close()


@BOTH
async def test_a_bake_goes_on_while_the_store_is_away_for_less_than_the_lease_lasts(world: World, away: Away) -> None:
    outage = Outage(world, away, lasts_s=35)

    report = await world.apply(outage, stopping=outage.tick)

    assert report.delivered, report.error
    assert "lease.renewal-failed" in [event.name for event in outage.events]
    assert len(world.services.store.journal.history(ORGANIZATION)) == 2
    assert world.publishes() == ["inboundcall/Desk"] * 2
    await world.assert_settled()


@BOTH
async def test_a_delivery_ends_when_the_store_is_away_for_longer_and_the_next_pass_goes_on(
    world: World, away: Away
) -> None:
    """The bake takes as long as it was asked for, with the time in between."""
    outage = Outage(world, away, lasts_s=1000)

    report = await world.apply(outage, stopping=outage.tick)

    assert isinstance(report.error, StoreFailed)
    assert outage.began_at is not None
    assert world.clock.elapsed_s - outage.began_at <= BEGINS_S + world.settings.lease_ttl + 20
    outage.over()
    await world.restart()
    assert (await world.apply()).delivered
    assert world.clock.elapsed_s - outage.began_at == pytest.approx(BAKE_S, abs=5)
    assert world.publishes() == ["inboundcall/Desk"] * 2
    await world.assert_settled()


@BOTH
async def test_a_store_that_is_away_when_something_must_be_noted_keeps_it_from_being_sent(
    world: World, away: Away
) -> None:
    def hear(event: DeliveryEvent) -> bool:
        if event.name == "change.validated":
            away.go()
        return False

    report = await world.apply(Recording(hear))

    assert isinstance(report.error, StoreFailed)
    assert world.publishes() == ["inboundcall/Desk"]
    away.come_back()
    await world.restart()
    assert (await world.apply()).delivered
    assert world.publishes() == ["inboundcall/Desk"] * 2
    await world.assert_settled()
