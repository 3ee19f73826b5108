"""Two `penstock run` processes over one PostgreSQL fight for one organisation: one of them writes, never both."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import pytest
from sqlalchemy import text

from controller.domain.clock import SystemClock
from controller.domain.errors.delivery import LeaseHeld
from controller.domain.errors.process import StoreFailed
from controller.store.leases import Lease
from controller.store.store import Store
from tests.availability.rivals import Rivals
from tests.support.patience import PATIENCE_S
from tests.support.service import eventually
from tests.support.world import ORGANIZATION, SECRET

_DELIVERIES = 4
LONG_S = 12
"""More than a busy machine needs to stop a controller in the middle of something."""


async def test_two_controllers_deliver_every_commit_once_and_never_write_at_the_same_time(rivals: Rivals) -> None:
    """The one that looks after the organisation is stopped again and again, and the other one takes over."""
    rivals.wish("version 1")
    rivals.one.start()
    rivals.other.start()
    eventually(rivals.delivered("1.0"), "the first delivery")
    for number in range(2, _DELIVERIES + 1):
        rivals.wish(f"version {number}")
        at_work = rivals.looks_after()
        assert at_work.stop() == 0
        at_work.start()
        eventually(rivals.delivered(f"{number}.0"), f"delivery {number}")

    assert {client for _, client, _, _ in rivals.publishes()} == {"one", "other"}
    versions = [f"{each}.0" for each in range(1, _DELIVERIES + 1)]
    for flow in ("Hours", "Front"):
        assert [version for _, _, name, version in rivals.publishes() if name == flow] == versions
    rivals.assert_one_writer_at_a_time()
    assert rivals.one.stop() == 0
    assert rivals.other.stop() == 0
    for service in (rivals.one, rivals.other):
        assert SECRET not in service.log.read_text()


@pytest.mark.parametrize("moment", ["an upload is being published", "a version bakes"])
async def test_a_controller_that_was_stopped_past_its_lease_makes_no_further_write(rivals: Rivals, moment: str) -> None:
    uploads = moment.startswith("an upload")
    if uploads:
        rivals.uploads_last(LONG_S)
    rivals.wish("Hello", bake_s=LONG_S)
    rivals.one.start()
    assert rivals.one.process is not None
    if uploads:
        eventually(lambda: "PUT /_storage/uploads/{jobId}" in rivals.writes(), "the first upload")
    else:
        eventually(lambda: any(name == "Front" for _, _, name, _ in rivals.publishes()), "the last publish")
    os.kill(rivals.one.process.pid, signal.SIGSTOP)
    rivals.uploads_last(0)
    before = [entry for entry in rivals.publishes() if entry[1] == "one"]

    rivals.other.start()
    eventually(rivals.delivered("1.0"), "the delivery by the other one")
    eventually(lambda: rivals.other.organization().get("sync") == "Synced", "it sees that", every_s=1)
    fences = {fence for fence, _, _ in rivals.journal()}
    rivals.forget_calls()
    os.kill(rivals.one.process.pid, signal.SIGCONT)
    eventually(lambda: "assignments.lost" in rivals.one.log.read_text(), "it finds out")
    eventually(lambda: _ended_early(rivals.one.log.read_text()), "the loser's pass ends")
    assert rivals.one.organization()["replica"] == "other"

    assert rivals.writes() == []
    after = [entry for entry in rivals.publishes() if entry[1] == "one"]
    # What it had sent before it was stopped may still have gone live meanwhile; that was its last write.
    assert [entry[2:] for entry in after] == ([("Hours", "1.0")] if uploads else [entry[2:] for entry in before])
    assert {fence for fence, _, _ in rivals.journal()} == fences
    assert sorted(entry[2:] for entry in rivals.publishes()) == [("Front", "1.0"), ("Hours", "1.0")]
    assert rivals.one.stop() == 0
    assert rivals.other.stop() == 0


def test_a_controller_that_was_stopped_in_the_middle_of_a_transaction_does_not_keep_the_others_out(
    database: str,
) -> None:
    """The server ends a session that leaves a transaction open; its holder finds out, and has written nothing."""
    clock = SystemClock()
    with Store.open(database, clock=clock) as stopped, Store.open(database, clock=clock) as other:
        lease = stopped.leases.acquire(ORGANIZATION, "stopped", ttl_s=1)
        taken: list[Lease] = []

        def stop_in_the_middle() -> None:
            with stopped.database.write() as connection:
                connection.execute(text("SELECT * FROM leases WHERE name = :name FOR UPDATE"), {"name": lease.name})
                taken.append(_patiently(lambda: other.leases.acquire(ORGANIZATION, "other")))

        with pytest.raises(StoreFailed):
            stop_in_the_middle()
        assert other.leases.holder(ORGANIZATION) == taken[0]


def _ended_early(log: str) -> bool:
    """Whether a pass ended because its lease was lost, or because the organisation is another replica's."""
    return "lease-lost" in log or "interrupted" in log


def _patiently(acquire: Callable[[], Lease]) -> Lease:
    """As a service does, which tries again."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return acquire()
        except (StoreFailed, LeaseHeld):
            assert time.monotonic() < deadline, "the lease's row is never let go"
