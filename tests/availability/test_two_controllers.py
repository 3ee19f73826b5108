"""Two `penstock run` processes over one PostgreSQL fight for one organisation: one of them writes, never both.

Each has an OAuth client of its own, so that the organisation tells their writes apart.
"""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from sqlalchemy import create_engine, text

from controller.domain.clock import SystemClock
from controller.domain.errors import LeaseHeld, StoreFailed
from controller.store import Lease, Store
from tests.support.service import Service, eventually
from tests.support.shell import simulator_process
from tests.support.sources import inbound, module
from tests.support.world import ORGANIZATION, SECRET, World

LEASE_TTL_S = 2
WRITES = ("POST /api/v2/flows/jobs", "PUT /_storage/uploads/{jobId}", "POST /api/v2/flows/actions/publish")


@dataclass
class Rivals:
    world: World
    url: str
    database: str
    one: Service
    other: Service

    def wish(self, says: str) -> None:
        """Commit new content for both flows."""
        self.world.flow("hours", module("Hours", says=says))
        self.world.flow("front", inbound("Front", says=says, calls=["Hours"]), rollout={"bake": "3s"})
        self.world.commit()

    def publishes(self) -> list[tuple[str, str, str, str]]:
        """When, by which client, which flow, which version; in order of time."""
        flows = httpx.get(f"{self.url}/_simulator/flows", timeout=5).json()["flows"]
        entries = [(flow["name"], entry) for flow in flows for entry in flow["history"]]
        return sorted(
            (entry["at"], entry["client"], name, entry["version"])
            for name, entry in entries
            if entry["action"] == "publish"
        )

    def slow_uploads(self) -> None:
        httpx.patch(f"{self.url}/_simulator/settings", json={"upload_s": 100}, timeout=5)

    def forget_calls(self) -> None:
        httpx.delete(f"{self.url}/_simulator/calls", timeout=5)

    def writes(self) -> list[str]:
        """Which calls of those that change the organisation were made since the log was cleared."""
        calls = httpx.get(f"{self.url}/_simulator/calls", timeout=5).json()["calls"]
        return [name for call in calls if (name := f"{call['method']} {call['route']}") in WRITES]

    def journal(self) -> list[tuple[int, object, object]]:
        """Fence, intent and result of every write, in the order of the intents."""
        engine = create_engine(self.database.replace("postgresql://", "postgresql+psycopg://"))
        with engine.connect() as connection:
            rows = connection.execute(text("SELECT fence, intent_at, result_at FROM writes ORDER BY id")).all()
        engine.dispose()
        return [(int(fence), intent, result) for fence, intent, result in rows]

    def delivered(self, version: str) -> Callable[[], bool]:
        """Whether both flows are live at that version and recorded so."""
        wanted = {f"hours {version}", f"front {version}"}

        def look() -> bool:
            recorded = self.world._git(self.world.remote, "log", "--format=%B", "main")
            return all(one in recorded for one in wanted)

        return look


def _service(world: World, url: str, database: str, folder: Path, name: str) -> Service:
    folder.mkdir()
    made = Service(world, url, folder)
    made.environment |= {
        "PENSTOCK_STORE": database,
        "PENSTOCK_HOLDER": name,
        "PENSTOCK_LEASE_TTL": str(LEASE_TTL_S),
        "ACME_ID": name,
        "ACME_SECRET": SECRET,
    }
    answer = httpx.post(f"{url}/_simulator/clients", json={"id": name, "secret": SECRET, "name": name}, timeout=5)
    assert answer.status_code == 200, answer.text
    return made


@pytest.fixture
def rivals(world: World, database: str, tmp_path: Path) -> Iterator[Rivals]:
    with simulator_process("--rate-limit", "6000") as url:
        world.describe(apiUrl=url, loginUrl=url)
        one = _service(world, url, database, tmp_path / "one", "one")
        other = _service(world, url, database, tmp_path / "other", "other")
        yield Rivals(world, url, database, one, other)
        for service in (one, other):
            if service.process is not None and service.process.poll() is None:
                service.process.kill()
                service.process.wait()


async def test_two_controllers_deliver_every_commit_once_and_never_write_at_the_same_time(rivals: Rivals) -> None:
    rivals.wish("version 1")
    rivals.one.start()
    rivals.other.start()
    number = 1
    eventually(rivals.delivered("1.0"), "the first delivery")
    while number < 4 or len({client for _, client, _, _ in rivals.publishes()}) < 2:
        assert number < 30, "one of the two never got to write"
        number += 1
        rivals.wish(f"version {number}")
        eventually(rivals.delivered(f"{number}.0"), f"delivery {number}")

    versions = [f"{each}.0" for each in range(1, number + 1)]
    for flow in ("Hours", "Front"):
        assert [version for _, _, name, version in rivals.publishes() if name == flow] == versions
    journal = rivals.journal()
    for (fence, _, ended), (next_fence, begun, _) in itertools.pairwise(journal):
        assert fence <= next_fence
        if fence < next_fence:
            assert ended is not None
            assert ended <= begun
    assert rivals.one.stop() == 0
    assert rivals.other.stop() == 0
    for service in (rivals.one, rivals.other):
        assert SECRET not in service.log.read_text()


@pytest.mark.parametrize("moment", ["an upload is being published", "a version bakes"])
async def test_a_controller_that_was_stopped_past_its_lease_makes_no_further_write(rivals: Rivals, moment: str) -> None:
    uploads = moment.startswith("an upload")
    if uploads:
        rivals.slow_uploads()
    rivals.wish("Hello")
    rivals.one.start()
    assert rivals.one.process is not None
    if uploads:
        eventually(lambda: "PUT /_storage/uploads/{jobId}" in rivals.writes(), "the first upload")
    else:
        eventually(lambda: any(name == "Front" for _, _, name, _ in rivals.publishes()), "the last publish")
    os.kill(rivals.one.process.pid, signal.SIGSTOP)
    before = [entry for entry in rivals.publishes() if entry[1] == "one"]

    rivals.other.start()
    eventually(lambda: rivals.other.organization().get("sync") == "Synced", "the delivery by the other one")
    fences = {fence for fence, _, _ in rivals.journal()}
    rivals.forget_calls()
    os.kill(rivals.one.process.pid, signal.SIGCONT)
    eventually(lambda: "lease-lost" in rivals.one.log.read_text(), "the loser's pass")
    eventually(lambda: rivals.one.organization().get("sync") == "Synced", "the loser's next pass")

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


def _patiently(acquire: Callable[[], Lease]) -> Lease:
    """As a service does, which tries again."""
    for _ in range(3):
        try:
            return acquire()
        except (StoreFailed, LeaseHeld):
            continue
    return acquire()
