"""Two `penstock run` processes over one PostgreSQL, each with an OAuth client of its own to tell their writes apart."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
from sqlalchemy import create_engine, text

from tests.support import remotes
from tests.support.service import Service
from tests.support.sources import inbound, module
from tests.support.world import RECORDS, SECRET, World

LEASE_TTL_S = 8
"""More than a busy machine keeps a controller from renewing: only who is stopped loses it."""
TIME_SCALE = 50
"""How many times faster the simulator is than it is told; what `simulator_process` gives it."""
WRITES = ("POST /api/v2/flows/jobs", "PUT /_storage/uploads/{jobId}", "POST /api/v2/flows/actions/publish")


@dataclass
class Rivals:
    world: World
    url: str
    database: str
    one: Service
    other: Service

    def wish(self, says: str, *, bake_s: int = 3) -> None:
        """Commit new content for both flows."""
        self.world.flow("hours", module("Hours", says=says))
        self.world.flow("front", inbound("Front", says=says, calls=["Hours"]), rollout={"bake": f"{bake_s}s"})
        self.world.commit()

    def publishes(self) -> list[tuple[str, str, str, str]]:
        """When, by which client, which flow, which version; in order of time."""
        flows = httpx.get(f"{self.url}/_simulator/flows", timeout=30).json()["flows"]
        entries = [(flow["name"], entry) for flow in flows for entry in flow["history"]]
        return sorted(
            (entry["at"], entry["client"], name, entry["version"])
            for name, entry in entries
            if entry["action"] == "publish"
        )

    def looks_after(self) -> Service:
        """The one that the organisation is assigned to."""
        found = self.one.organization().get("replica") or self.other.organization()["replica"]
        return {"one": self.one, "other": self.other}[found]

    def uploads_last(self, seconds: float) -> None:
        """What is uploaded from now on is live after so long."""
        settings = {"upload_s": seconds * TIME_SCALE}
        httpx.patch(f"{self.url}/_simulator/settings", json=settings, timeout=30).raise_for_status()

    def forget_calls(self) -> None:
        httpx.delete(f"{self.url}/_simulator/calls", timeout=30)

    def writes(self) -> list[str]:
        """Which calls of those that change the organisation were made since the log was cleared."""
        calls = httpx.get(f"{self.url}/_simulator/calls", timeout=30).json()["calls"]
        return [name for call in calls if (name := f"{call['method']} {call['route']}") in WRITES]

    def journal(self) -> list[tuple[int, object, object]]:
        """Fence, intent and result of every write, in the order of the intents."""
        engine = create_engine(self.database.replace("postgresql://", "postgresql+psycopg://"))
        with engine.connect() as connection:
            rows = connection.execute(text("SELECT fence, intent_at, result_at FROM writes ORDER BY id")).all()
        engine.dispose()
        return [(int(fence), intent, result) for fence, intent, result in rows]

    def assert_one_writer_at_a_time(self) -> None:
        """Whoever took over began its first write when the last one of the other had ended."""
        for (fence, _, ended), (next_fence, begun, _) in itertools.pairwise(self.journal()):
            assert fence <= next_fence
            if fence < next_fence:
                assert ended is not None
                assert ended <= begun  # type: ignore[operator]

    def delivered(self, version: str) -> Callable[[], bool]:
        """Whether both flows are live at that version and recorded so."""
        wanted = {f"hours {version}", f"front {version}"}
        seen: str | None = None

        def look() -> bool:
            nonlocal seen
            before, seen = seen, remotes.tip(self.world.remote, f"refs/heads/{RECORDS}")
            if seen == before:  # git would read the same again, ten times a second
                return False
            recorded = self.world._git(self.world.remote, "log", "--format=%B", RECORDS, check=False)
            return all(one in recorded for one in wanted)

        return look


def make_service(world: World, url: str, database: str, folder: Path, name: str) -> Service:
    folder.mkdir()
    made = Service(world, url, folder)
    made.environment |= {
        "PENSTOCK_STORE": database,
        "PENSTOCK_HOLDER": name,
        "PENSTOCK_LEASE_TTL": str(LEASE_TTL_S),
        "PENSTOCK_POLL_INTERVAL": "1",
        "PENSTOCK_DRIFT_INTERVAL": "5",
        "ACME_ID": name,
        "ACME_SECRET": SECRET,
    }
    answer = httpx.post(f"{url}/_simulator/clients", json={"id": name, "secret": SECRET, "name": name}, timeout=30)
    assert answer.status_code == 200, answer.text
    return made
