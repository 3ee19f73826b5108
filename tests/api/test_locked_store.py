"""A store that another process has locked makes a write wait, and nothing else: the passes share the event loop."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.api import DIGEST, ORGANIZATION, ServedApi

LOCKED_S = 1.0
LONGEST_PAUSE_S = 0.5
"""Of the event loop, on a machine that other work keeps busy; a locked store would stop it for all of LOCKED_S."""


@contextmanager
def locked(served: ServedApi) -> Iterator[None]:
    """Another connection writes to the store for a second; it does not need this loop to end."""
    begun = threading.Event()

    def hold() -> None:
        with sqlite3.connect(served.folder / "api.db", isolation_level=None) as connection:
            connection.execute("BEGIN IMMEDIATE")
            begun.set()
            time.sleep(LOCKED_S)
            connection.execute("ROLLBACK")

    thread = threading.Thread(target=hold)
    thread.start()
    begun.wait()
    yield
    thread.join()


async def longest_pause(until: asyncio.Task[int]) -> float:
    """The longest time between two turns of the loop until the task has ended, in seconds."""
    longest, last = 0.0, time.monotonic()
    while not until.done():
        await asyncio.sleep(0.01)
        now = time.monotonic()
        longest, last = max(longest, now - last), now
    return longest


@pytest.mark.parametrize(
    ("verb", "body", "person", "code"),
    [
        ("suspend", {}, "olga", 200),
        ("approve", {"digest": DIGEST}, "olga", 200),
        ("sync", {}, "olga", 202),
        ("suspend", {}, "rita", 403),
        ("approve", {"digest": "sha256:" + "0" * 64}, "olga", 409),
    ],
    ids=["suspend", "approve", "sync", "without the role", "refused"],
)
async def test_the_loop_goes_on_while_a_write_waits_for_the_store(
    served: ServedApi, verb: str, body: dict[str, str], person: str, code: int
) -> None:
    async def write() -> int:
        async with served.asked_by(person) as client:
            path = f"/organizations/{ORGANIZATION}/{verb}"
            answer = await client.post(path, json={"reason": "CHG-1", **body}, headers={"Idempotency-Key": "k"})
        return answer.status_code

    async with served.asked_by("olga") as client:
        await client.get("/organizations")  # the first request of a process compiles queries
    with locked(served):
        began = time.monotonic()
        writing = asyncio.create_task(write())
        pause_s = await longest_pause(writing)
        assert time.monotonic() - began > LOCKED_S / 2, "it waited for the store"
        assert pause_s < LONGEST_PAUSE_S
    assert writing.result() == code
