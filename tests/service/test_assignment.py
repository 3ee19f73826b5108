"""Replicas share the organisations out: never two for one, all looked after again soon, fair shares at rest."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from controller.domain.clock import Clock, SystemClock
from controller.reconcile.holder import own_name
from controller.reconcile.services import Services
from controller.reconcile.settings import Settings
from controller.service.assignment import PATIENCE_S, Assignment
from controller.store.database import Database
from controller.store.store import Store
from tests.support.clock import ShiftedClock, SteppedClock
from tests.support.examples import examples
from tests.support.postgres import needed_server, new_store

ORGANIZATIONS: Final = [f"org-{number}" for number in range(7)]
TTL_S: Final = 12.0
TAKEOVER_S: Final = 15.0


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with needed_server() as server:
        yield server.url


class PausedClock:
    """A clock of a process that can be stopped and continued: time goes on, and it does not wake."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._running = asyncio.Event()
        self._running.set()

    def now(self) -> datetime:
        return self._clock.now()

    def monotonic(self) -> float:
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        await self._running.wait()

    def pause(self) -> None:
        self._running.clear()

    def go_on(self) -> None:
        self._running.set()


class Staff:
    """Workers that end at once, except over the organisations with a long pass."""

    def __init__(self) -> None:
        self.long: set[str] = set()
        self.interrupted: list[str] = []

    def works_on(self, organization: str) -> bool:
        return organization in self.long

    def passes(self, organization: str) -> bool:
        return organization in self.long

    def interrupt(self, organization: str) -> None:
        self.interrupted.append(organization)
        self.long.discard(organization)


class Site:
    """Replicas over one store, on one clock that each machine shows wrongly."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.clock = SteppedClock()
        self.replicas: dict[str, Replica] = {}

    def store(self, ahead: timedelta) -> Store:
        machine = ShiftedClock(SystemClock(), ahead)
        return Store(Database.open(self.url, machine), clock=ShiftedClock(self.clock, ahead))

    async def join(
        self, name: str, ahead_s: float = 0.0, serves: Iterable[str] = ORGANIZATIONS, holder: str | None = None
    ) -> Replica:
        self.replicas[name] = replica = Replica(self, holder or name, timedelta(seconds=ahead_s))
        replica.assignment.serve(list(serves))
        return replica

    async def after(self, seconds: float) -> None:
        """Let time pass, and watch that no organisation is two replicas' at any half second."""
        until_s = self.clock.elapsed_s + seconds
        while self.clock.elapsed_s < until_s:
            await self.clock.sleep(0.5)
            for each in ORGANIZATIONS:
                assert len(self.holding(each)) <= 1, (each, self.holding(each))

    def holding(self, organization: str) -> list[str]:
        return [name for name, each in self.replicas.items() if each.assignment.holds(organization)]

    def shares(self) -> dict[str, int]:
        return {name: len(each.assignment.organizations) for name, each in self.replicas.items()}

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[Site]:
        try:
            yield self
        finally:
            for each in list(self.replicas.values()):
                await each.kill()


class Replica:
    def __init__(self, site: Site, name: str, ahead: timedelta) -> None:
        self.site, self.staff = site, Staff()
        self.clock = PausedClock(ShiftedClock(site.clock, ahead))
        self.store = site.store(ahead)
        settings = Settings(store=site.url, holder=name, lease_ttl=TTL_S)
        self.assignment = Assignment(Services(settings, self.store, self.clock), self.staff)
        self.changes = 0
        self.task = asyncio.create_task(self.assignment.run(self._changed))

    def _changed(self) -> None:
        self.changes += 1
        # The next look follows when the workers have ended, as it does in the service.
        self.assignment.wake()

    async def kill(self) -> None:
        """Nothing is given up."""
        self.clock.go_on()
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        self.store.close()
        self.site.replicas = {name: each for name, each in self.site.replicas.items() if each is not self}


@pytest.fixture
async def site(postgres: str) -> AsyncIterator[Site]:
    async with Site(new_store(postgres)).open() as made:
        yield made


DISTURBANCES = st.lists(
    st.tuples(
        st.sampled_from(["join", "kill", "leave", "pause", "go on"]),
        st.sampled_from("abcd"),
        st.sampled_from([-300.0, 0.0, 240.0]),
        st.sampled_from([0.5, 3.0, 11.0, 20.0]),
    ),
    max_size=8,
)


@given(disturbances=DISTURBANCES)
@examples(24)
def test_whatever_happens_to_replicas_no_organisation_has_two_and_soon_each_has_one(
    postgres: str, disturbances: list[tuple[str, str, float, float]]
) -> None:
    """Joins, deaths, pauses and clocks that differ by minutes, in any order."""

    async def play() -> None:
        async with Site(new_store(postgres)).open() as site:
            await site.join("z")
            for what, name, ahead_s, seconds in disturbances:
                await disturb(site, what, name, ahead_s)
                await site.after(seconds)
            for each in site.replicas.values():
                each.clock.go_on()
            await site.after(TAKEOVER_S)
            assert [each for each in ORGANIZATIONS if not site.holding(each)] == []
            await site.after(TTL_S)
            assert max(site.shares().values()) - min(site.shares().values()) <= 1, site.shares()

    asyncio.run(play())


async def disturb(site: Site, what: str, name: str, ahead_s: float) -> None:
    replica = site.replicas.get(name)
    if what == "join" and replica is None:
        await site.join(name, ahead_s)
    elif replica is not None and what == "kill":
        await replica.kill()
    elif replica is not None and what == "leave":
        replica.assignment.leave()
        await replica.kill()
    elif replica is not None and what == "pause":
        replica.clock.pause()
    elif replica is not None and what == "go on":
        replica.clock.go_on()


async def test_replicas_that_begin_together_have_fair_shares_before_any_work_begins(site: Site) -> None:
    """Nothing that the first one began has to be given up."""
    first = await site.join("a")
    await site.after(1)
    await site.join("b")
    await site.join("c")
    await site.after(5)
    assert sorted(site.shares().values()) == [2, 2, 3]
    assert len(first.assignment.organizations) == len(first.assignment._held)
    assert first.assignment.settled


async def test_a_replica_that_leaves_is_replaced_when_the_others_are_told(site: Site) -> None:
    gone = await site.join("a")
    await site.join("b")
    await site.after(10)
    gone.assignment.serve(())
    assert site.shares()["a"] == 0
    await gone.kill()
    site.replicas["b"].assignment.wake()
    await site.after(0.5)
    assert site.shares() == {"b": 7}


async def test_a_paused_replica_believes_in_nothing_when_it_goes_on_and_ends_its_passes(site: Site) -> None:
    paused = await site.join("a")
    await site.join("b")
    await site.after(10)
    paused.staff.long = set(paused.assignment.organizations)
    mine = sorted(paused.staff.long)
    paused.clock.pause()
    await site.after(30)
    assert not any(paused.assignment.holds(each) for each in ORGANIZATIONS)
    assert site.shares()["b"] == 7

    paused.clock.go_on()
    await site.after(1)
    assert sorted(paused.staff.interrupted) == mine
    await site.after(10)
    assert sorted(site.shares().values()) == [3, 4]


async def test_an_outage_of_the_store_moves_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each takes back what it had; the first that gets through takes nothing of the others."""
    for name in "abc":
        await site.join(name)
    await site.after(10)
    before = {name: each.assignment.organizations for name, each in site.replicas.items()}
    with capture_logs() as logs, store_away(site):
        await site.after(30)
        assert not any(site.holding(each) for each in ORGANIZATIONS)
    assert [entry["event"] for entry in logs].count("assignments.not-renewed") == 3
    await site.after(5)
    assert {name: each.assignment.organizations for name, each in site.replicas.items()} == before
    assert all(site.holding(each) for each in ORGANIZATIONS)


@contextlib.contextmanager
def store_away(site: Site) -> Iterator[None]:
    """No connection is made meanwhile."""
    engines = [each.store.database._engine for each in site.replicas.values()]
    kept = [engine.pool._creator for engine in engines]

    def refuse(*_args: object) -> None:
        raise engines[0].dialect.dbapi.OperationalError("the server does not answer")  # type: ignore[union-attr]

    for engine in engines:
        engine.dispose()
        engine.pool._creator = refuse
    yield
    for engine, creator in zip(engines, kept, strict=True):
        engine.pool._creator = creator


async def test_a_newcomer_gets_its_share_between_passes_and_a_long_one_is_parked_for_it(site: Site) -> None:
    old = await site.join("a")
    await site.after(10)
    old.staff.long = set(ORGANIZATIONS)
    new = await site.join("b")
    await site.after(PATIENCE_S - 30)
    assert site.shares() == {"a": 4, "b": 0}, "three are to move when their passes have ended"
    old.staff.long.discard(min(old.assignment._leaving))
    old.assignment.wake()
    await site.after(5)
    assert (len(new.assignment.organizations), old.staff.interrupted) == (1, [])

    await site.after(40)
    assert site.shares() == {"a": 4, "b": 3}
    assert len(old.staff.interrupted) == 2


async def test_an_organisation_that_is_gone_is_kept_until_its_pass_has_ended(site: Site) -> None:
    only = await site.join("a")
    await site.after(10)
    only.staff.long = {"org-0"}
    only.assignment.serve(ORGANIZATIONS[1:])
    await site.after(2 * PATIENCE_S)
    assert (only.staff.interrupted, only.assignment.holds("org-0")) == ([], True)
    assert "org-0" not in only.assignment.organizations


async def test_replicas_with_different_manifests_look_after_what_they_know(site: Site) -> None:
    await site.join("a", serves=ORGANIZATIONS[:4])
    await site.join("b", serves=ORGANIZATIONS[3:])
    await site.after(10)
    assert {each: len(site.holding(each)) for each in ORGANIZATIONS} == dict.fromkeys(ORGANIZATIONS, 1)
    assert sorted(site.shares().values()) == [3, 4]
    counts = site.replicas["a"].assignment.counts
    assert (counts.assigned, counts.unassigned, counts.replicas) == (site.shares()["a"], 0, 2)


async def test_two_processes_with_one_name_do_not_fight(site: Site) -> None:
    """A Deployment that gives all its pods one PENSTOCK_HOLDER: the one that came last works, the other one says so."""
    with capture_logs() as logs:
        await site.join("a", holder="penstock")
        await site.after(10)
        await site.join("b", holder="penstock")
        await site.after(30)
    assert site.shares() == {"a": 0, "b": 7}
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == ["replica.name-taken"]


async def test_without_a_server_everything_is_assigned_at_once(tmp_path: Path) -> None:
    async with Site(f"sqlite:///{tmp_path}/store.db").open() as site:
        only = await site.join("a")
        assert only.assignment.organizations == set(ORGANIZATIONS)
        assert (only.assignment.settled, site.clock.elapsed_s) == (True, 0.0)


async def test_a_container_that_was_restarted_takes_over_from_itself_at_once(tmp_path: Path) -> None:
    """SQLite's file belongs to one machine; where a server keeps the store, host names may be those of others."""
    earlier = f"{socket.gethostname()}:1@another-container"
    async with Site(f"sqlite:///{tmp_path}/store.db").open() as site:
        await (await site.join("a", holder=earlier)).kill()
        after = await site.join("b", holder="b")
        assert after.assignment.organizations == set(ORGANIZATIONS)


async def test_a_process_of_this_machine_that_was_killed_is_replaced_before_its_lease_ends(site: Site) -> None:
    child = subprocess.Popen(["true"])
    child.wait()
    host, _, namespace = own_name().partition("@")
    dead = f"{host.rpartition(':')[0]}:{child.pid}@{namespace}"
    gone = await site.join("a", holder=dead)
    alive = await site.join("b")
    await site.after(0.5)
    await gone.kill()
    await site.after(5)
    assert alive.assignment.organizations == set(ORGANIZATIONS)


def test_settings_of_a_replica_are_those_of_its_store() -> None:
    urls = "postgresql://penstock@localhost/penstock", "postgres://localhost/penstock", "sqlite:///x"
    assert [Settings(store=url).lease_ttl for url in urls] == [12, 12, 60]
    assert Settings(store=urls[0], lease_ttl=30).lease_ttl == 30
