"""The request budget: no 429 that could have been avoided, and the urgent calls first."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import httpx
import pytest

from controller.domain.capabilities import ARCHITECT
from controller.domain.desired import Endpoint
from controller.domain.platform import Priority
from controller.genesys.budget import RateBudget
from controller.genesys.connect import connect
from controller.genesys.settings import TransportSettings
from tests.genesys.scripted import reply, script
from tests.support.clock import SteppedClock

URL = "http://simulator.test"


def budget(clock: SteppedClock, **changes: float) -> RateBudget:
    return RateBudget(
        clock,
        limit=int(changes.get("limit", 10)),
        reserve=changes.get("reserve", 0.0),
        concurrency=int(changes.get("concurrency", 100)),
    )


async def _use(
    budget: RateBudget, priority: Priority = Priority.OBSERVE, *, for_s: float = 0, clock: SteppedClock
) -> float:
    async with budget.slot(priority) as slot:
        slot.spent = True
        granted_at = clock.elapsed_s
        if for_s:
            await clock.sleep(for_s)
    return granted_at


async def test_exports_that_wait_are_no_load(clock: SteppedClock) -> None:
    """They go last on purpose, so they hold no publish up."""
    full = budget(clock, limit=1)
    await _use(full, clock=clock)
    waiting = [asyncio.create_task(_use(full, each, clock=clock)) for each in (Priority.EXPORT, Priority.PUBLISH)]
    await asyncio.sleep(0)
    assert full.load.waiting == 1
    await asyncio.gather(*waiting)


@pytest.mark.parametrize("seed", range(5))
async def test_no_window_of_a_minute_holds_more_requests_than_the_limit(clock: SteppedClock, seed: int) -> None:
    """Whatever the latencies: at the server, any 60 seconds see at most the limit."""
    dice = random.Random(seed)
    limited = budget(clock, limit=20, concurrency=8)
    arrivals: list[float] = []

    async def one(delay_s: float, way_there_s: float, way_back_s: float) -> None:
        await clock.sleep(delay_s)
        async with limited.slot(Priority.OBSERVE) as slot:
            slot.spent = True
            await clock.sleep(way_there_s)
            arrivals.append(clock.elapsed_s)
            await clock.sleep(way_back_s)

    await asyncio.gather(*(one(dice.random() * 90, dice.random() * 5, dice.random() * 5) for _ in range(120)))
    arrivals.sort()
    assert len(arrivals) == 120
    assert all(later - earlier >= 60 for earlier, later in zip(arrivals, arrivals[20:], strict=False))


async def test_waiting_calls_are_served_by_priority_and_then_in_order(clock: SteppedClock) -> None:
    limited = budget(clock, limit=1)
    await _use(limited, clock=clock)
    served: list[str] = []

    async def one(name: str, priority: Priority) -> None:
        async with limited.slot(priority) as slot:
            slot.spent = True
            served.append(name)

    async with asyncio.TaskGroup() as group:
        for name, priority in (
            ("export", Priority.EXPORT),
            ("observe 1", Priority.OBSERVE),
            ("observe 2", Priority.OBSERVE),
            ("publish", Priority.PUBLISH),
            ("rollback", Priority.ROLLBACK),
            ("gate", Priority.GATE),
        ):
            group.create_task(one(name, priority))
            await asyncio.sleep(0)
    assert served == ["rollback", "publish", "gate", "observe 1", "observe 2", "export"]
    assert clock.elapsed_s == pytest.approx(6 * 60)


async def test_the_reserve_is_used_by_rollbacks_only(clock: SteppedClock) -> None:
    limited = budget(clock, limit=10, reserve=0.2)
    granted = await asyncio.gather(*(_use(limited, clock=clock) for _ in range(9)))
    assert granted.count(0.0) == 8
    assert max(granted) == 60
    clock.advance(120)
    before = clock.elapsed_s
    for _ in range(8):
        await _use(limited, clock=clock)
    assert await _use(limited, Priority.ROLLBACK, clock=clock) == before


async def test_no_more_requests_are_in_flight_than_the_settings_allow(clock: SteppedClock) -> None:
    limited = budget(clock, limit=1000, concurrency=3)
    granted = await asyncio.gather(*(_use(limited, for_s=1, clock=clock) for _ in range(9)))
    assert sorted(granted) == [0, 0, 0, 1, 1, 1, 2, 2, 2]


async def test_what_other_programs_sent_with_the_same_credential_counts(clock: SteppedClock) -> None:
    """The organisation says 295 of 300 are used: five are left until its window ends."""
    limited = budget(clock, limit=300)
    limited.learn({"inin-ratelimit-count": "295", "inin-ratelimit-allowed": "300", "inin-ratelimit-reset": "20"})
    granted = []
    for _ in range(5):
        granted.append(await _use(limited, clock=clock))
        headers = {"inin-ratelimit-count": str(296 + len(granted) - 1), "inin-ratelimit-reset": "20"}
        limited.learn(headers)
    assert granted == [0.0] * 5
    assert await _use(limited, clock=clock) == 20


async def test_a_lower_limit_of_the_organisation_wins_and_a_higher_one_does_not(clock: SteppedClock) -> None:
    limited = budget(clock, limit=300)
    limited.learn({"inin-ratelimit-allowed": "180"})
    assert limited.limit == 180
    limited.learn({"inin-ratelimit-allowed": "1000"})
    assert limited.limit == 300


@pytest.mark.parametrize("text", ["", "-1", "many", "1e9", "99999999", "9" * 400])
async def test_rate_limit_headers_that_make_no_sense_are_ignored(clock: SteppedClock, text: str) -> None:
    limited = budget(clock, limit=10)
    limited.learn({"inin-ratelimit-count": text, "inin-ratelimit-allowed": "0", "inin-ratelimit-reset": text})
    assert await _use(limited, clock=clock) == 0


async def test_a_limit_of_hundreds_of_digits_is_ignored(clock: SteppedClock) -> None:
    limited = budget(clock, limit=10)
    limited.learn({"inin-ratelimit-allowed": "9" * 400})
    assert limited.limit == 10


async def test_a_cancelled_call_gives_its_place_to_the_next(clock: SteppedClock) -> None:
    limited = budget(clock, limit=1)
    await _use(limited, clock=clock)
    first = asyncio.create_task(_use(limited, Priority.ROLLBACK, clock=clock))
    second = asyncio.create_task(_use(limited, clock=clock))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    first.cancel()
    assert await second == 60
    assert len(limited._queue) == 0


async def test_what_a_connection_asks_for_does_not_give_its_credential_a_second_budget(clock: SteppedClock) -> None:
    """The limit counts for the client, whatever scopes its tokens have."""
    settings = TransportSettings(rate_limit_per_minute=2, reserve=0)
    one, two = (
        script().transport(clock, replace(settings, scope=scope)) for scope in ("flow:view", "flow:view flow:read")
    )
    assert one.budget is two.budget
    assert script().transport(clock, replace(settings, rate_limit_per_minute=3)).budget is not one.budget


async def test_connections_with_the_same_credential_share_one_budget(clock: SteppedClock) -> None:
    organization = script(reply(200, {"entities": [], "total": 0}))
    http = httpx.MockTransport(organization)
    settings = TransportSettings(rate_limit_per_minute=2, reserve=0)
    one, two = (
        connect(Endpoint(None, URL, URL), ARCHITECT, "shared", "secret", clock=clock, settings=settings, http=http)
        for _ in range(2)
    )
    await one.flows.listing()
    await two.flows.listing()
    assert clock.elapsed_s == 0
    await one.flows.listing()
    assert clock.elapsed_s == 60
