"""Where nobody announces what people publish, one call a minute notices it; with a channel open there is none."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime

import pytest

from controller.domain.ports import Platform
from controller.domain.status import SyncStatus
from controller.reconcile.pass_ import Unwatched
from controller.reconcile.report import PassReport
from controller.reconcile.workspace import Workspace, open_folder
from controller.service.flow_events import MOST_LOOKED_UP, POLL_S, ChangePoll
from controller.service.orders import Orders, Telling
from controller.service.out_of_band import REASON, OutOfBandChanges
from controller.service.worker import Worker
from tests.support.dialects import BOTH
from tests.support.played_once import played_once
from tests.support.sources import inbound
from tests.support.world import World

LISTED, LOOKED_UP = "/api/v2/flows", "/api/v2/flows/lookup"


class Watcher:
    """A controller between two passes, and what it was told."""

    def __init__(self, world: World, announced: Collection[str] = ()) -> None:
        self.world = world
        self.told: list[str] = []
        self.announced = frozenset(announced)
        self.changes = OutOfBandChanges("acme", world.services.store.journal, self.told.append)
        self.glancing = ChangePoll("acme", world.clock, self.changes, lambda: self.announced)

    async def look(self, *, deliver: bool = False) -> None:
        """A whole pass."""
        began = self.world.clock.now()
        self.changes.pass_begins()
        self.changes.pass_ended(await (self.world.apply() if deliver else self.world.plan()))
        self.looked(began)

    def looked(self, at: datetime) -> None:
        [organization] = self.workspace().desired.organizations
        self.glancing.looked(at, lambda: self.world.services.platform(organization))

    def workspace(self) -> Workspace:
        return open_folder(self.world.clone, self.world.settings)

    async def wait(self, seconds: float) -> None:
        """Let so much time pass, and count only the calls of that time."""
        self.world.simulator.calls.clear()
        running = asyncio.create_task(self.glancing.run())
        await self.world.clock.sleep(seconds)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    def calls(self, route: str) -> int:
        return self.world.simulator.calls.count("GET", route)


@played_once
async def deliver(world: World, names: Sequence[str]) -> None:
    for name in names:
        world.flow(name.lower(), inbound(name))
    world.commit()
    assert (await world.apply()).delivered


async def delivered(world: World, names: Sequence[str]) -> Watcher:
    """A controller that has looked at what an earlier one delivered."""
    await deliver(world, names)
    watcher = Watcher(world)
    await watcher.look()
    return watcher


@pytest.mark.parametrize("deed", ["publish", "unpublish", "delete"])
async def test_what_happened_to_a_flow_is_noticed_within_a_minute_and_once(world: World, deed: str) -> None:
    watcher = await delivered(world, ["Front", "Desk"])
    world.by_hand(deed, "inboundcall", "Desk")

    await watcher.wait(10 * POLL_S + 1)

    assert watcher.told == [REASON]
    assert (watcher.calls(LOOKED_UP), watcher.calls(LISTED)) == (10, 0)


async def test_own_publishes_and_what_is_in_sync_are_no_news(world: World) -> None:
    watcher = await delivered(world, ["Front", "Desk"])
    world.flow("front", inbound("Front", says="New"))
    world.commit()
    await watcher.look(deliver=True)

    await watcher.wait(3 * POLL_S + 1)

    assert watcher.told == []


async def test_of_many_flows_those_are_asked_for_that_were_published_since(world: World) -> None:
    """One call for 130 flows, where listing them takes two and looking them up as many."""
    for number in range(MOST_LOOKED_UP + 30):
        world.flow(f"flow-{number:03}", inbound(f"Flow {number:03}"))
    world.commit()
    world.publish_all_by_hand()
    world.clock.advance(7200)
    watcher = Watcher(world)
    await watcher.look()
    world.by_hand("publish", "inboundcall", "Flow 042")

    await watcher.wait(POLL_S + 1)

    assert watcher.told == [REASON]
    assert (watcher.calls(LISTED), watcher.calls(LOOKED_UP)) == (1, 0)


async def test_what_a_channel_announces_is_not_looked_for(world: World) -> None:
    watcher = await delivered(world, ["Front"])
    watcher.announced = watcher.changes.flow_ids
    world.by_hand("publish", "inboundcall", "Front")

    await watcher.wait(5 * POLL_S)

    assert world.simulator.calls.count() == 0
    assert watcher.told == []


async def test_nothing_is_looked_for_while_a_pass_looks_by_itself(world: World) -> None:
    watcher = await delivered(world, ["Front"])
    watcher.changes.pass_begins()

    await watcher.wait(5 * POLL_S)

    assert world.simulator.calls.count() == 0


async def test_an_organisation_that_does_not_answer_is_looked_at_again(world: World) -> None:
    watcher = await delivered(world, ["Front"])
    world.by_hand("publish", "inboundcall", "Front")
    world.fault("missing-field", match={"route": LOOKED_UP}, times=1)

    await watcher.wait(3 * POLL_S + 1)

    assert watcher.told == [REASON]


async def test_a_fault_of_ours_ends_no_glances(world: World) -> None:
    watcher = await delivered(world, ["Front"])
    world.by_hand("publish", "inboundcall", "Front")
    [organization] = watcher.workspace().desired.organizations
    failed: list[bool] = []

    def connect() -> Platform:
        if not failed:
            failed.append(True)
            raise RuntimeError("a fault of ours")
        return world.services.platform(organization)

    watcher.glancing.looked(world.clock.now(), connect)

    await watcher.wait(2 * POLL_S + 1)

    assert failed
    assert watcher.told == [REASON]


async def test_a_service_that_cannot_listen_passes_soon_after_a_publish_by_hand(world: World) -> None:
    """Its next whole look is a day away."""
    world.flow("front", inbound("Front"))
    world.commit()
    reports: list[PassReport] = []
    stopping = False
    worker = Worker(
        "acme",
        world.services,
        drift_interval_s=86_400,
        tell=Telling(reports.append, lambda _name, _error: None, Unwatched()),
        orders=Orders(lambda: stopping, lambda: True),
    )
    worker.wake(open_folder(world.clone, world.settings), "revision")
    working = asyncio.create_task(worker.run())
    await world.clock.sleep(1800)
    began = len(reports)
    world.by_hand("publish", "inboundcall", "Front", person="Ada Lovelace")

    await world.clock.sleep(2 * POLL_S)

    stopping = True
    worker.stop()
    await working
    assert began == 1
    assert [report.trigger for report in reports[began:]] == [REASON]
    assert reports[-1].sync_status is SyncStatus.OUT_OF_SYNC


@BOTH
async def test_a_dialect_that_lists_all_flows_for_it_is_not_asked(world: World) -> None:
    watcher = await delivered(world, ["Front"])
    await watcher.wait(2 * POLL_S + 1)
    assert world.simulator.calls.count() == (0 if world.dialect == "versioned" else 2)
