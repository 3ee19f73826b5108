"""`penstock run` as a process: it follows a branch, delivers, records, answers probes and stops politely."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.shell import free_port, simulator_process
from tests.support.sources import inbound, module
from tests.support.world import SECRET, World


def eventually(check: Callable[[], bool], what: str, *, within_s: float = 60) -> None:
    """Wait for another process; the only way to know is to look."""
    deadline = time.monotonic() + within_s
    while not check():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s} s: {what}")
        time.sleep(0.1)


class Service:
    """One `penstock run`, with the simulator that it talks to."""

    def __init__(self, world: World, url: str, folder: Path) -> None:
        self.world = world
        self.url = url
        self.port = free_port()
        self.log = folder / "service.log"
        self.environment = {
            **os.environ,
            "PENSTOCK_STORE": f"sqlite:///{folder / 'service.db'}",
            "PENSTOCK_REPOSITORY_URL": str(world.remote),
            "PENSTOCK_WORK_DIR": str(folder / "work"),
            "PENSTOCK_POLL_INTERVAL": "0.3",
            "PENSTOCK_DRIFT_INTERVAL": "1",
            "PENSTOCK_PUBLISH_POLL": "0.1",
            "PENSTOCK_JOB_POLL": "0.1",
            "PENSTOCK_HTTP_ADDRESS": f"127.0.0.1:{self.port}",
            "PENSTOCK_LOG_LEVEL": "info",
            "PENSTOCK_RATE_LIMIT": "3000",
        }
        self.process: subprocess.Popen[str] | None = None

    def start(self, *arguments: str) -> None:
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "error", "-m", "controller", "run", *arguments],
                env=self.environment,
                stdout=log,
                stderr=log,
                text=True,
            )

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=40)

    def get(self, path: str) -> httpx.Response | None:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=5)
        except httpx.TransportError:
            return None

    def organization(self) -> dict[str, str]:
        answer = self.get("/status")
        found = answer.json()["organizations"] if answer is not None else []
        return found[0] if found else {}

    def flows(self) -> list[dict]:
        return httpx.get(f"{self.url}/_simulator/flows", timeout=5).json()["flows"]

    def published(self) -> dict[str, list[str]]:
        """Every version that was published, by flow, in order."""
        return {
            flow["name"]: [entry["version"] for entry in flow["history"] if entry["action"] == "publish"]
            for flow in self.flows()
        }

    def publish_by_hand(self, name: str, person: str) -> None:
        flow_id = next(flow["id"] for flow in self.flows() if flow["name"] == name)
        httpx.post(f"{self.url}/_simulator/flows/{flow_id}/publish", json={"by": person}, timeout=5)

    def live(self) -> dict[str, str]:
        return {flow["name"]: flow["published_version"] for flow in self.flows()}


@pytest.fixture
def simulator() -> Iterator[str]:
    with simulator_process("--rate-limit", "3000") as url:
        yield url


@pytest.fixture
def service(world: World, simulator: str, tmp_path: Path) -> Iterator[Service]:
    world.describe(apiUrl=simulator, loginUrl=simulator)
    world.flow("front", inbound("Front", calls=["Hours"]))
    world.flow("hours", module("Hours"))
    world.commit()
    made = Service(world, simulator, tmp_path)
    yield made
    if made.process is not None and made.process.poll() is None:
        made.process.kill()
        made.process.wait()


async def test_the_service_delivers_what_is_committed_and_stops_on_sigterm(service: Service) -> None:
    service.start()
    eventually(lambda: service.organization().get("sync") == "Synced", "the first delivery")
    assert service.live() == {"Front": "1.0", "Hours": "1.0"}
    ready, metrics = service.get("/readyz"), service.get("/metrics")
    assert ready is not None
    assert ready.status_code == 200
    assert metrics is not None
    assert 'penstock_sync_status{organization="acme",status="Synced"} 1.0' in metrics.text

    service.world.flow("hours", module("Hours", says="We are open"))
    service.world.commit()
    eventually(lambda: service.live() == {"Front": "2.0", "Hours": "2.0"}, "the second delivery")
    eventually(
        lambda: "hours 2.0" in service.world._git(service.world.remote, "log", "-1", "--format=%B", "main"),
        "the record",
    )
    eventually(lambda: service.organization().get("message") == "in sync", "rest")
    commits = service.world._git(service.world.remote, "rev-list", "--count", "main")

    assert service.stop() == 0
    assert service.world._git(service.world.remote, "rev-list", "--count", "main") == commits
    log = service.log.read_text()
    assert SECRET not in log
    assert log.count("revision.read") == 2, "an own commit was taken for a new desired state"


async def test_drift_is_seen_within_one_interval(service: Service) -> None:
    service.start()
    eventually(lambda: service.organization().get("sync") == "Synced", "the first delivery")
    service.publish_by_hand("Front", "Ada Lovelace")

    eventually(lambda: service.organization().get("sync") == "OutOfSync", "the drift")

    assert "Ada Lovelace" in service.organization()["message"]
    assert service.live()["Front"] == "2.0"


async def test_a_broken_revision_changes_nothing_and_is_shown_until_it_is_mended(service: Service) -> None:
    service.start()
    eventually(lambda: service.organization().get("sync") == "Synced", "the first delivery")
    (service.world.clone / "front.yaml").write_text("kind: Flow\napiVersion: penstock/v1\nspec: {}\n")
    service.world.commit()

    eventually(lambda: "front.yaml" in (service.get("/status").json()["fault"] or ""), "the fault")

    assert service.live() == {"Front": "1.0", "Hours": "1.0"}
    service.world.flow("front", inbound("Front", calls=["Hours"], says="Mended"))
    service.world.commit()
    eventually(lambda: service.live()["Front"] == "2.0", "the mended revision")


async def test_a_killed_service_goes_on_where_it_was(service: Service) -> None:
    service.start()
    eventually(lambda: len(service.live()) >= 1, "the first flow")
    assert service.process is not None
    service.process.kill()
    service.process.wait()

    service.start()

    eventually(lambda: service.organization().get("sync") == "Synced", "the delivery after the crash")
    assert service.published() == {"Front": ["1.0"], "Hours": ["1.0"]}


async def test_a_local_folder_is_watched_during_development(service: Service) -> None:
    service.start(str(service.world.clone), "--allow-dirty")
    eventually(lambda: service.organization().get("sync") == "Synced", "the first delivery")

    service.world.flow("hours", module("Hours", says="Saved, not committed"))

    eventually(lambda: service.live() == {"Front": "2.0", "Hours": "2.0"}, "the saved change")
