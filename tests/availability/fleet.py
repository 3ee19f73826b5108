"""Several `penstock run` processes over one PostgreSQL that look after many organisations, which one process serves.

The organisations are simulators of the test's own process, so that their histories are read without a call.
"""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
import yaml
from sqlalchemy import Engine, create_engine, text

from controller.simulator.serve import running
from controller.simulator.settings import SimulatorSettings
from controller.simulator.simulator import Simulator
from controller.store.leases import Lease
from tests.support.service import Service, eventually
from tests.support.sources import inbound, module
from tests.support.world import RECORDS, SECRET, World

LEASE_TTL_S = 12.0
TAKEOVER_S = 15.0
ASSIGNMENT = "organization "
"""How the names of leases begin that say which replica looks after an organisation."""
FLOWS = {"hours": "Hours", "front": "Front"}
_MANY = 1_000_000


@dataclass
class Fleet:
    world: World
    database: str
    folder: Path
    simulators: Mapping[str, Simulator]
    """By organisation."""
    replicas: list[Service] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._engine: Engine = create_engine(
            self.database.replace("postgresql://", "postgresql+psycopg://"), pool_pre_ping=True
        )

    # What authors do.

    def ask_for(self, says: str, *, bake_s: int) -> str:
        """Commit the same new content for the two flows of each organisation; the revision."""
        (self.world.clone / "flows").mkdir(exist_ok=True)
        sources = {"hours": module("Hours", says=says), "front": inbound("Front", says=says, calls=["Hours"])}
        for flow, content in sources.items():
            (self.world.clone / "flows" / f"{flow}.yaml").write_text(content)
        for name in self.simulators:
            for flow in FLOWS:
                spec: dict[str, object] = {"source": {"file": f"../flows/{flow}.yaml"}}
                if flow == "front":
                    spec["rollout"] = {"bake": f"{bake_s}s"}
                self._write(name, f"{flow}.yaml", "Flow", flow, spec)
        return self.world.commit()

    def describe(self, urls: Mapping[str, str]) -> None:
        (self.world.clone / "organization.yaml").unlink()
        credentials = {"clientId": {"env": "ACME_ID"}, "clientSecret": {"env": "ACME_SECRET"}}
        for name, url in urls.items():
            (self.world.clone / name).mkdir()
            spec: dict[str, object] = {"apiUrl": url, "loginUrl": url, "credentials": credentials}
            self._write(name, "organization.yaml", "Organization", name, spec)

    def _write(self, folder: str, file: str, kind: str, name: str, spec: Mapping[str, object]) -> None:
        document = {"apiVersion": "penstock/v1", "kind": kind, "metadata": {"name": name}, "spec": dict(spec)}
        (self.world.clone / folder / file).write_text(yaml.safe_dump(document))

    # The processes.

    def start(self, name: str, **environment: str) -> Service:
        """One more replica."""
        place = self.folder / name
        place.mkdir()
        made = Service(self.world, "", place)
        made.environment |= {
            "PENSTOCK_STORE": self.database,
            "PENSTOCK_HOLDER": name,
            "PENSTOCK_LEASE_TTL": f"{LEASE_TTL_S:g}",
            # Organisations at rest cost those in delivery nothing.
            "PENSTOCK_POLL_INTERVAL": "2",
            "PENSTOCK_DRIFT_INTERVAL": "30",
            "PENSTOCK_PUBLISH_POLL": "0.5",
            "PENSTOCK_JOB_POLL": "0.5",
            "PENSTOCK_RATE_LIMIT": "30000",
            "ACME_ID": "penstock",
            "ACME_SECRET": SECRET,
            **environment,
        }
        made.start()
        self.replicas.append(made)
        return made

    def kill(self, replica: Service) -> None:
        assert replica.process is not None
        os.kill(replica.process.pid, signal.SIGKILL)
        replica.process.wait()
        self.replicas.remove(replica)

    # What happened.

    def published(self) -> dict[str, Counter[tuple[str, str]]]:
        """By organisation, how often each version of each flow was published."""
        return {name: Counter(_publishes(simulator)) for name, simulator in self.simulators.items()}

    def publishes(self) -> int:
        return sum(each.total() for each in self.published().values())

    def assert_published(self, *versions: str) -> None:
        """Each of these versions of each flow was published once in each organisation, and nothing else."""
        once = {(flow, version): 1 for flow in FLOWS.values() for version in versions}
        wrong = {name: dict(found) for name, found in self.published().items() if dict(found) != once}
        assert wrong == {}

    def settled(self, revision: str, replica: Service) -> bool:
        """Whether the replica shows every organisation in sync at that revision, with nothing left to do.

        It is asked when every flow is published and every sync has ended; its answer costs it more than those do.
        """
        if self.publishes() < len(FLOWS) * len(self.simulators) or self._unfinished():
            return False
        answer = replica.get("/status")
        shown = [] if answer is None else answer.json()["organizations"]
        rested = [each for each in shown if each["sync"] == "Synced" and each["revision"] == revision]
        delivering = [each for each in rested if each["running"] and each["running"]["flows"]]
        return len(rested) == len(self.simulators) and not delivering

    def assert_recorded(self, version: str) -> None:
        """The remote's records name that version of each flow of each organisation."""
        for name in self.simulators:
            lock = self.world._git(self.world.remote, "show", f"{RECORDS}:artifacts/{name}/penstock.lock.yaml")
            assert [flow["version"] for flow in yaml.safe_load(lock)["flows"]] == [version] * len(FLOWS), name

    def assert_one_writer_at_a_time(self) -> None:
        """In each organisation, whoever took over began its first write when the last one of the other had ended."""
        query = (
            "SELECT y.organization, w.fence, w.intent_at, w.result_at FROM writes w"
            " JOIN steps s ON s.id = w.step_id JOIN syncs y ON y.id = s.sync_id ORDER BY w.id"
        )
        by_organization = defaultdict(list)
        for organization, *write in self._rows(query):
            by_organization[organization].append(write)
        assert by_organization.keys() == self.simulators.keys()
        for writes in by_organization.values():
            for (fence, _, ended), (next_fence, begun, _) in itertools.pairwise(writes):
                assert fence <= next_fence
                # Of a write that its controller saw no end of, the next one read the result from the organisation.
                assert fence == next_fence or ended is None or ended <= begun

    def assert_nothing_left(self) -> None:
        """No delivery is unfinished."""
        assert self._unfinished() == []

    # By the database's clock.

    def leases(self) -> tuple[datetime, dict[str, str]]:
        """The database's time, and who holds each lease that has not ended."""
        now, leases = self._leases()
        return now, {each.name: each.holder for each in leases if each.expires_at > now}

    def shares(self) -> Counter[str]:
        """By replica, how many organisations it looks after."""
        return Counter(holder for name, holder in self.leases()[1].items() if name.startswith(ASSIGNMENT))

    def takeovers(self, dead: str) -> dict[str, float]:
        """Kill this replica; the seconds until another one had each of its leases.

        There is a lease for each organisation that it looked after, and one for each pass that it ran.
        """
        self.kill(next(each for each in self.replicas if each.environment["PENSTOCK_HOLDER"] == dead))
        began, before = self._leases()
        ends = {lease.name: lease.expires_at for lease in before if lease.holder == dead and lease.expires_at > began}
        taken: dict[str, float] = {}

        def all_taken() -> bool:
            now, leases = self._leases()
            for lease in leases:
                if lease.name in ends.keys() - taken.keys() and lease.holder != dead:
                    assert now >= ends[lease.name], "no lease is taken before it ends"
                    taken[lease.name] = (now - began).total_seconds()
            return taken.keys() == ends.keys()

        eventually(all_taken, "the leases of the dead replica are taken over")
        return taken

    def _leases(self) -> tuple[datetime, list[Lease]]:
        """The database's time, and all leases, also those that have ended."""
        rows = self._rows("SELECT clock_timestamp(), name, holder, fence, expires_at FROM leases")
        now = rows[0][0] if rows else datetime.min.replace(tzinfo=UTC)
        return now, [Lease(*lease) for _, *lease in rows]

    def _unfinished(self) -> Sequence[Sequence]:
        return self._rows("SELECT id FROM syncs WHERE finished_at IS NULL")

    def _rows(self, query: str) -> Sequence[Sequence]:
        with self._engine.connect() as connection:
            return connection.execute(text(query)).all()

    def close(self) -> None:
        self._engine.dispose()
        for each in self.replicas:
            if each.process is not None and each.process.poll() is None:
                each.process.kill()
                each.process.wait()


def _publishes(simulator: Simulator) -> Iterator[tuple[str, str]]:
    for flow in list(simulator.organization.flows(deleted=True)):
        for entry in list(flow.history):
            if entry.action.name.lower() == "publish":
                yield flow.key.name, str(entry.version)


@contextmanager
def fleet(world: World, database: str, folder: Path, organizations: int) -> Iterator[Fleet]:
    """So many organisations, described in the repository; no replica yet."""
    names = [f"site-{number:02}" for number in range(1, organizations + 1)]
    settings = {
        name: SimulatorSettings(organization=name, time_scale=10, rate_limit_per_minute=_MANY) for name in names
    }
    simulators = {name: Simulator(settings=each) for name, each in settings.items()}
    with ExitStack() as stack:
        urls = {name: stack.enter_context(running(simulator)) for name, simulator in simulators.items()}
        made = Fleet(world, database, folder, simulators)
        made.describe(urls)
        try:
            yield made
        finally:
            made.close()


def answers_within(replica: Service, path: str, limit_s: float) -> int | None:
    """The status of the replica's answer, which has to come within so many seconds."""
    began_s = time.monotonic()
    answer = httpx.get(f"http://127.0.0.1:{replica.port}{path}", timeout=limit_s)
    assert time.monotonic() - began_s <= limit_s
    return answer.status_code
