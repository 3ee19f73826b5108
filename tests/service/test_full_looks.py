"""When the service reads all flows of an organisation of several pages, and how it says when it did."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import httpx
from starlette.applications import Starlette

from controller.domain.status import SyncStatus
from controller.reconcile.pass_ import Unwatched
from controller.reconcile.report import PassReport
from controller.reconcile.workspace import Workspace, open_folder
from controller.service.board import Board
from controller.service.http import service_routes
from controller.service.metrics import Metrics
from controller.service.orders import Orders, Telling
from controller.service.worker import Worker
from tests.support.played_once import played_once
from tests.support.sources import inbound
from tests.support.world import World

LISTED = "/api/v2/flows"
DRIFT_S = 50.0
"""Shorter than a minute, so that nothing but passes looks."""


class Watch:
    """A worker of a service, for as long as the block runs."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.reports: list[PassReport] = []
        self.board, self.metrics = Board(world.clock), Metrics()
        self._stopping = False
        self.worker = Worker(
            "acme",
            world.services,
            drift_interval_s=DRIFT_S,
            tell=Telling(self._told, self.board.post_fault, Unwatched()),
            orders=Orders(lambda: self._stopping, lambda: True),
        )

    def _told(self, report: PassReport) -> None:
        self.reports.append(report)
        self.board.post(report)
        self.metrics.observe(report)

    def workspace(self) -> Workspace:
        return open_folder(self.world.clone, self.world.settings)

    async def windows(self, seconds: float) -> list[bool]:
        """Let so much time pass; whether each listing since then asked only for publishes."""
        self.world.simulator.calls.clear()
        await self.world.clock.sleep(seconds)
        return ["publishedAfter" in call.query for call in self.world.simulator.calls.log("GET", LISTED)]

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        self.worker.wake(self.workspace(), "revision")
        working = asyncio.create_task(self.worker.run())
        try:
            yield
        finally:
            self._stopping = True
            self.worker.stop()
            await working


@played_once
async def delivered(world: World) -> None:
    world.flow("desk", inbound("Desk"))
    world.flow("front", inbound("Front"))
    world.commit()
    assert (await world.apply()).delivered


async def settled(world: World) -> Watch:
    """Two flows are delivered, and the listing shows it for long. A page of it holds one flow."""
    await delivered(world)
    world.settings = world.services.settings = world.services.settings.model_copy(update={"page_size": 1})
    world.clock.advance(1800)
    return Watch(world)


async def test_it_looks_at_all_at_first_and_then_asks_for_publishes(world: World) -> None:
    watch = await settled(world)
    async with watch.running():
        assert await watch.windows(10 + 3 * DRIFT_S) == [False, False, True, True, True]
    assert {report.sync_status for report in watch.reports} == {SyncStatus.SYNCED}
    assert len(watch.reports) == 4


async def test_each_commit_that_changes_nothing_costs_one_call(world: World) -> None:
    watch = await settled(world)
    async with watch.running():
        await watch.windows(10)
        (world.clone / "README.md").write_text("Our flows")
        world.commit()
        watch.worker.wake(watch.workspace(), "revision")
        assert await watch.windows(10) == [True]


async def test_a_reason_that_is_no_commit_makes_it_read_all(world: World) -> None:
    """What is announced may be a deletion, which no window shows."""
    watch = await settled(world)
    async with watch.running():
        await watch.windows(10)
        world.by_hand("delete", "inboundcall", "Desk")
        watch.worker.nudge("changed by hand")
        assert not (await watch.windows(10))[0], "later ones are looks for what is delivered again"
        await watch.windows(DRIFT_S)
    assert world.live("inboundcall", "Desk") == "1.0", "it is delivered again"


async def test_a_pass_that_could_not_look_leaves_the_full_look_to_the_next(world: World) -> None:
    watch = await settled(world)
    async with watch.running():
        await watch.windows(10)
        world.by_hand("delete", "inboundcall", "Desk")
        world.fault("http-5xx", match={"route": LISTED}, for_s=DRIFT_S)
        watch.worker.nudge("changed by hand")
        await watch.windows(300)
    assert watch.reports[1].error is not None
    assert world.live("inboundcall", "Desk") == "1.0", "it is delivered again"


async def test_status_and_metrics_say_when_all_flows_were_read(world: World) -> None:
    watch = await settled(world)
    began = world.clock.now()
    async with watch.running():
        await watch.windows(10 + 2 * DRIFT_S)
    app = Starlette(routes=service_routes(watch.board, watch.metrics.registry, dict))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://service.test") as client:
        [shown] = (await client.get("/status")).json()["organizations"]

    assert shown["looked_fully_at"] == began.isoformat()
    assert shown["at"] > shown["looked_fully_at"]
    gauge, labels = "penstock_last_full_look_timestamp_seconds", {"organization": "acme"}
    assert watch.metrics.registry.get_sample_value(gauge, labels) == began.timestamp()
