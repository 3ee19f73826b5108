"""How many changes run at once, and which of the waiting ones is next."""

from __future__ import annotations

import asyncio

from controller.delivery.slots import Concurrency, Slots
from controller.domain.desired import SyncPolicy
from controller.domain.platform import CallLoad
from controller.domain.publish_time import PublishTime, PublishWay
from tests.delivery.site import Site, organization
from tests.support.clock import SteppedClock
from tests.support.sources import inbound, module


class Organisation:
    """What an organisation says about the load of our calls."""

    def __init__(self) -> None:
        self.load = CallLoad()

    def concurrency(self, clock: SteppedClock, **policy: int) -> Concurrency:
        return Concurrency(SyncPolicy(**policy), clock, lambda: self.load)


def test_the_limit_grows_with_each_success_up_to_the_ceiling() -> None:
    limit = Organisation().concurrency(SteppedClock(), max_concurrency=12)
    assert limit.limit == 10
    for expected in (11, 12, 12):
        limit.succeeded()
        assert limit.limit == expected
    assert Organisation().concurrency(SteppedClock(), max_concurrency=3).limit == 3


def test_the_limit_does_not_grow_while_calls_wait_for_the_request_limit() -> None:
    there = Organisation()
    limit = there.concurrency(SteppedClock())
    there.load = CallLoad(waiting=1)
    limit.succeeded()
    assert limit.limit == 10


def test_refused_calls_halve_the_limit_once_in_half_a_minute() -> None:
    there, clock = Organisation(), SteppedClock()
    limit = there.concurrency(clock)
    there.load = CallLoad(refused=3)
    limit.succeeded()
    assert limit.limit == 5
    limit.congested()
    assert limit.limit == 5, "the refusals come from the load before"
    clock.advance(31)
    limit.congested()
    assert limit.limit == 2
    for _ in range(4):
        clock.advance(31)
        limit.congested()
    assert limit.limit == 1
    limit.succeeded()
    assert limit.limit == 2


def test_a_number_in_the_manifest_stays_as_it_is() -> None:
    there = Organisation()
    limit = there.concurrency(SteppedClock(), concurrency=4)
    limit.succeeded()
    there.load = CallLoad(refused=1)
    limit.succeeded()
    limit.congested()
    assert limit.limit == 4


async def test_the_highest_rank_goes_first_and_equals_in_the_order_in_which_they_came() -> None:
    slots = Slots(Organisation().concurrency(SteppedClock(), concurrency=1))
    went: list[str] = []

    async def work(name: str, rank: float) -> None:
        async with slots.slot(rank):
            went.append(name)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for name, rank in (("short", 1.0), ("long", 9.0), ("first", 5.0), ("second", 5.0)):
            group.create_task(work(name, rank))
    assert went == ["long", "first", "second", "short"]


async def test_a_change_that_is_cancelled_leaves_its_slot_to_the_next() -> None:
    slots = Slots(Organisation().concurrency(SteppedClock(), concurrency=1))

    async def hold() -> None:
        async with slots.slot(1.0):
            await asyncio.Event().wait()

    tasks = [asyncio.create_task(hold()) for _ in range(3)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    async with asyncio.timeout(5), slots.slot(1.0):
        pass


async def test_the_flow_with_the_longest_chain_behind_it_is_sent_first(site: Site) -> None:
    """By the names alone the others would come first."""
    site.organization = organization(sync=SyncPolicy(concurrency=1))
    site.want("a-lonely", inbound("Lonely"))
    site.want("b-brief", inbound("Brief"))
    site.want("y-caller", inbound("Caller", calls=["Hours"]))
    site.want("z-hours", module("Hours"))
    known = {flow.key: flow.id for flow in site.organization.flows}
    for key, name in known.items():
        took_s = 2.0 if name == "b-brief" else 20.0
        site.store.publish_times.remember("acme", key, PublishWay.UPLOAD, PublishTime(took_s, 0.0, 0))
    await site.deliver()
    begun = [event.flow for event in site.events if event.name == "write.intended" and "job" in event.fields]
    assert begun == ["z-hours", "a-lonely", "y-caller", "b-brief"]
