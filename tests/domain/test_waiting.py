"""A deadline ends its block on the injected clock, and leaves other cancellations alone."""

from __future__ import annotations

import asyncio

import pytest

from controller.domain.waiting import deadline
from tests.support.clock import SteppedClock


async def test_a_block_that_takes_longer_is_cancelled_at_its_deadline() -> None:
    clock = SteppedClock()
    with pytest.raises(TimeoutError, match="not done within 5 s"):
        async with deadline(clock, 5):
            await clock.sleep(60)
    assert clock.elapsed_s == 5
    await clock.sleep(1)
    assert clock.elapsed_s == 6, "the task goes on"


async def test_a_block_that_is_done_in_time_leaves_nothing_behind() -> None:
    clock = SteppedClock()
    async with deadline(clock, 5):
        await clock.sleep(2)
    assert len(asyncio.all_tasks()) == 1
    await clock.sleep(10)
    assert clock.elapsed_s == 12


async def test_an_error_of_the_block_passes_through() -> None:
    with pytest.raises(ValueError, match="broken"):
        async with deadline(SteppedClock(), 5):
            raise ValueError("broken")


async def test_a_cancellation_from_elsewhere_stays_a_cancellation() -> None:
    clock = SteppedClock()

    async def work() -> None:
        async with deadline(clock, 5):
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert clock.elapsed_s == 0


async def test_of_two_deadlines_only_the_one_that_has_passed_raises() -> None:
    clock = SteppedClock()
    async with deadline(clock, 60):
        with pytest.raises(TimeoutError):
            async with deadline(clock, 5):
                await clock.sleep(30)
        await clock.sleep(1)
    assert clock.elapsed_s == 6
