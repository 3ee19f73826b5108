"""What a controller shows that waits while another one over the same store delivers, and what its waiting costs."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from functools import partial

import httpx
import pytest
from structlog.testing import capture_logs

from controller.domain.errors.delivery import LeaseHeld
from controller.domain.status import Health, SyncStatus
from controller.genesys.connect import connect
from controller.reconcile.pass_ import Unwatched
from controller.reconcile.report import PassReport
from controller.reconcile.workspace import open_folder
from controller.service.board import Board, BoardEntry
from controller.service.orders import Orders, Telling
from controller.service.worker import Worker
from tests.support.dialects import BOTH
from tests.support.sources import inbound
from tests.support.world import World

BAKE_S = 3600
LOOKS_EVERY_S = 300.0
LISTED, LOOKED_UP, TOKEN = "/api/v2/flows", "/api/v2/flows/lookup", "/oauth/token"


class Counting(httpx.AsyncBaseTransport):
    """The standby's own calls, by path."""

    def __init__(self, http: httpx.AsyncBaseTransport) -> None:
        self._http = http
        self.paths: Counter[str] = Counter()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.paths[request.url.path] += 1
        return await self._http.handle_async_request(request)


class Waiting:
    """`controller-b`, for as long as the test lasts."""

    def __init__(self, world: World, looks_every_s: float = LOOKS_EVERY_S) -> None:
        self.world = world
        self.http = Counting(world.http)
        self.services = world._services("controller-b")
        self.services.connect = partial(connect, http=self.http)
        self.board = Board(world.clock)
        self.reports: list[PassReport] = []
        self._stopping = False
        self.assigned = True
        self.worker = Worker(
            "acme",
            self.services,
            drift_interval_s=looks_every_s,
            tell=Telling(self._told, self.board.post_fault, Unwatched()),
            orders=Orders(lambda: self._stopping, lambda: self.assigned),
        )

    def _told(self, report: PassReport) -> None:
        self.reports.append(report)
        self.board.post(report)

    @property
    def entry(self) -> BoardEntry:
        [entry] = self.board.entries()
        return entry

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        self.worker.wake(open_folder(self.world.clone, self.world.settings), "revision")
        working = asyncio.create_task(self.worker.run())
        try:
            yield
        finally:
            self._stopping = True
            self.worker.stop()
            await working
            await self.services.disconnect()
            self.services.store.close()


@pytest.fixture
async def delivery(world: World) -> AsyncIterator[asyncio.Task[PassReport]]:
    """`controller-a` delivers a new version of `desk`, which is live and bakes for an hour."""
    world.flow("desk", inbound("Desk"))
    world.commit()
    assert (await world.apply()).delivered
    world.flow("desk", inbound("Desk", says="New"), rollout={"bake": f"{BAKE_S}s"})
    world.commit()
    delivering = asyncio.create_task(world.apply())
    while world.live("inboundcall", "Desk") != "2.0":
        await world.clock.sleep(1)
    yield delivering
    assert (await delivering).delivered


@BOTH
async def test_it_shows_who_is_at_work_and_looks_no_more_often_than_a_controller_that_need_not_wait(
    world: World, delivery: asyncio.Task[PassReport]
) -> None:
    """It begins in the very second in which the new version goes live, before the journal says so."""
    waiting = Waiting(world)
    async with waiting.running():
        await world.clock.sleep(600)
        assert (waiting.entry.status, waiting.entry.health) == (SyncStatus.OUT_OF_SYNC, Health.PROGRESSING)
        assert waiting.entry.message.startswith("acme: controller-a is at work on it")
        await delivery
        calls = Counter(waiting.http.paths)
        await world.clock.sleep(60)
        assert (waiting.entry.status, waiting.entry.message) == (SyncStatus.SYNCED, "in sync")

    assert SyncStatus.UNKNOWN not in [report.sync_status for report in waiting.reports]
    assert [drift.message for report in waiting.reports for drift in report.moved] == []
    assert isinstance(waiting.reports[0].error, LeaseHeld)
    looks = BAKE_S / LOOKS_EVERY_S + 1
    assert looks - 2 <= calls.pop(LISTED) <= looks
    assert calls.pop(LOOKED_UP, 0) <= BAKE_S / 60  # one glance a minute, as without waiting
    by_id = {path: count for path, count in calls.items() if path != TOKEN}
    assert len(by_id) <= 2, "the flow that is moving is read by id, and its versions"
    assert all(count <= looks for count in by_id.values())


async def test_it_takes_nothing_that_the_other_one_publishes_for_somebodys_hand(
    world: World, delivery: asyncio.Task[PassReport]
) -> None:
    """Nor what is taken back again. It looks by itself once a day, and hears of everything that happens meanwhile."""
    with capture_logs() as logs:
        waiting = Waiting(world, looks_every_s=86_400)
        async with waiting.running():
            await delivery
            await world.clock.sleep(LOOKS_EVERY_S)
            assert (await world.rollback("desk")).error is None
            await world.clock.sleep(LOOKS_EVERY_S)
            assert world.live("inboundcall", "Desk") == "1.0"
            told = [entry["event"] for entry in logs if entry["event"].startswith("flow.changed")]
            assert told == ["flow.changed-by-another-controller"]

            world.by_hand("publish", "inboundcall", "Desk")
            await world.clock.sleep(LOOKS_EVERY_S)
            told = [entry["event"] for entry in logs if entry["event"].startswith("flow.changed")]
            assert told[1:] == ["flow.changed-by-hand"]


async def test_a_worker_waits_while_its_organisation_may_be_another_replicas_and_keeps_nothing_that_it_found(
    world: World,
) -> None:
    world.flow("desk", inbound("Desk"))
    world.commit()
    waiting = Waiting(world)
    waiting.assigned = False
    async with waiting.running():
        await world.clock.sleep(2 * LOOKS_EVERY_S)
        assert (waiting.http.paths, waiting.reports) == (Counter(), [])

        waiting.assigned = True
        while not waiting.worker.passes:
            await world.clock.sleep(0.5)
        waiting.assigned = False
        while waiting.worker.passes:
            await world.clock.sleep(0.5)
        assert world.services.store.views.organization("acme") is None
        assert world.services.store.running.of("acme") is None

        waiting.assigned = True
        await world.clock.sleep(LOOKS_EVERY_S)
        assert world.services.store.views.organization("acme") is not None
