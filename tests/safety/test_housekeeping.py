"""Housekeeping removes old history bit by bit, beside what the service does, and survives a store that fails."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
import structlog
from sqlalchemy import Engine, event, update

from controller.service.housekeeping import keep_house, tidy
from controller.store.schema import audit
from controller.store.store import Store
from tests.support.audit_proofs import append
from tests.support.clock import SteppedClock
from tests.support.history import ORGANIZATION, write_history
from tests.support.patience import PATIENCE_S


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/store.db"


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


async def one_day(store: Store, clock: SteppedClock) -> list[dict[str, object]]:
    """What is logged while the service keeps house for a little less than a day."""
    with structlog.testing.capture_logs() as told:
        work = asyncio.create_task(keep_house(store, clock, lambda _: None))
        await clock.sleep(80_000)
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
    return [each for each in told if str(each["event"]).startswith("housekeeping")]


async def test_old_syncs_go_a_hundred_in_one_transaction(url: str, clock: SteppedClock) -> None:
    write_history(url, syncs=253, flows=5, began=clock.start - timedelta(days=500))
    transactions: list[int] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        if statement.startswith("DELETE FROM syncs"):
            transactions.append(statement.count("?"))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        with Store.open(url, clock=clock) as store:
            (done,) = await one_day(store, clock)
            kept = len(store.journal.history(ORGANIZATION, limit=1000))
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert (done["event"], done["syncs"]) == ("housekeeping.done", 250)
    assert transactions == [100, 100, 50]
    assert kept == 3


async def test_a_store_that_fails_is_told_and_tried_again_the_next_day(url: str, clock: SteppedClock) -> None:
    with Store.open(url, clock=clock) as store:

        def fail(_: object, __: object, statement: str, *___: object) -> None:
            if "FROM syncs" in statement:
                raise OSError("the disk is gone")

        event.listen(Engine, "before_cursor_execute", fail)
        try:
            (failed,) = await one_day(store, clock)
        finally:
            event.remove(Engine, "before_cursor_execute", fail)
        (done,) = await one_day(store, clock)
    assert (failed["event"], done["event"]) == ("housekeeping.failed", "housekeeping.done")
    assert "the disk is gone" in str(failed["error"])


def test_a_command_removes_a_part_and_the_next_one_the_rest(url: str, clock: SteppedClock) -> None:
    write_history(url, syncs=1_253, flows=5, began=clock.start - timedelta(days=1_600))
    kept: list[int] = []
    with Store.open(url, clock=clock) as store:
        for _ in range(3):
            tidy(store)
            kept.append(len(store.journal.history(ORGANIZATION, limit=2_000)))
    assert kept == [253, 3, 3]


def test_a_store_that_fails_does_not_fail_the_delivery_before(url: str, clock: SteppedClock) -> None:
    with Store.open(url, clock=clock) as store:

        def fail(*_: object) -> None:
            raise OSError("the disk is gone")

        event.listen(Engine, "before_cursor_execute", fail)
        try:
            with structlog.testing.capture_logs() as told:
                tidy(store)
        finally:
            event.remove(Engine, "before_cursor_execute", fail)
    assert [each["event"] for each in told] == ["housekeeping.failed"]


async def test_an_entry_that_was_changed_behind_penstocks_back_is_counted(url: str, clock: SteppedClock) -> None:
    found, checked = dict[str, int](), asyncio.Event()

    def note(counts: Mapping[str, int]) -> None:
        found.update(counts)
        checked.set()

    with Store.open(url, clock=clock) as store, structlog.testing.capture_logs() as told:
        append(store, 5, clock, "acme")
        append(store, 5, clock, "uk")
        with store.database.write() as connection:
            connection.execute(
                update(audit).where(audit.c.organization == "uk", audit.c.position == 3).values(actor="Eve")
            )
        work = asyncio.create_task(keep_house(store, clock, note))
        async with asyncio.timeout(PATIENCE_S):
            await checked.wait()
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work

    assert found == {"acme": 0, "uk": 1}
    [broken] = [each for each in told if each["event"] == "audit.broken"]
    assert str(broken["finding"]).startswith("position 3, uk")
