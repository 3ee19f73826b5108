"""`penstock run` in a process of its own, beside the simulator that it talks to."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from tests.support.commands import Command
from tests.support.patience import PATIENCE_S
from tests.support.shell import free_port
from tests.support.stores import prepare
from tests.support.world import World


def eventually(check: Callable[[], bool], what: str, *, within_s: float = PATIENCE_S, every_s: float = 0.1) -> None:
    """Wait for another process; the only way to know is to look. Looks that take long are for every second or so."""
    deadline = time.monotonic() + within_s
    while not check():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s} s: {what}")
        time.sleep(every_s)


class Service:
    """One `penstock run`, with the simulator that it talks to."""

    def __init__(self, world: World, url: str, folder: Path) -> None:
        self.world = world
        self.url = url
        self.port = free_port()
        self.log = folder / "service.log"
        prepare(folder / "service.db")
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
        self.process: Command | None = None

    def start(self, *arguments: str) -> None:
        with self.log.open("a") as log:
            self.process = Command("run", *arguments, env=self.environment, stdout=log, stderr=log)

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=PATIENCE_S)

    def until(self, check: Callable[[], bool], what: str) -> None:
        """Wait for what stays once it is there: a look costs both processes more than a longer wait."""
        eventually(check, what, every_s=0.4)

    def get(self, path: str) -> httpx.Response | None:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=30)
        except httpx.TransportError:
            return None

    def organization(self) -> dict[str, str]:
        answer = self.get("/status")
        found = answer.json()["organizations"] if answer is not None else []
        return found[0] if found else {}

    def flows(self) -> list[dict]:
        return httpx.get(f"{self.url}/_simulator/flows", timeout=30).json()["flows"]

    def published(self) -> dict[str, list[str]]:
        """Every version that was published, by flow, in order."""
        return {
            flow["name"]: [entry["version"] for entry in flow["history"] if entry["action"] == "publish"]
            for flow in self.flows()
        }

    def publish_by_hand(self, name: str, person: str) -> None:
        flow_id = next(flow["id"] for flow in self.flows() if flow["name"] == name)
        httpx.post(f"{self.url}/_simulator/flows/{flow_id}/publish", json={"by": person}, timeout=30)

    def live(self) -> dict[str, str]:
        return {flow["name"]: flow["published_version"] for flow in self.flows()}
