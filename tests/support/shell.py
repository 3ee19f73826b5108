"""The `penstock` command in processes of its own: a repository, an environment, a served simulator."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import yaml

from controller.simulator.serve import running
from controller.simulator.settings import SimulatorSettings
from controller.simulator.simulator import Simulator
from tests.support.commands import Command, run
from tests.support.committing import commit_all
from tests.support.sources import inbound, module
from tests.support.stores import prepare

_PORTS = range(15_000, 30_000)
"""Below those that systems give to connections."""


def free_port() -> int:
    """A port that nobody has, to be listened on later.

    Not one that the system would choose: what it gives to a test, it gives to the next connection as well.
    """
    while True:
        port = secrets.choice(_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextlib.contextmanager
def simulator_process(*arguments: str) -> Iterator[str]:
    """`penstock simulator` on a free port; gives its URL, and stops it politely."""
    words = ("simulator", "--port", "0", "--time-scale", "50", *arguments)
    process = Command(*words, strict=False, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=60)
        process.stdout.close()
    assert code == 0


@contextlib.contextmanager
def simulator_thread(*, rate_limit: int = 300) -> Iterator[str]:
    """Serve the same from a thread of this process, which starts at once; gives its URL."""
    settings = SimulatorSettings(time_scale=50, rate_limit_per_minute=rate_limit)
    with running(Simulator(settings=settings)) as url:
        yield url


class Shell:
    """A folder with a repository, an environment, and the `penstock` command."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder / "repository"
        self.url = url
        self.environment = {
            **os.environ,
            "PENSTOCK_STORE": f"sqlite:///{folder / 'store.db'}",
            "PENSTOCK_PUBLISH_POLL": "0.1",
            "PENSTOCK_JOB_POLL": "0.1",
            "ACME_ID": "penstock",
            "ACME_SECRET": "penstock-secret",
        }
        prepare(folder / "store.db")
        self.folder.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        (self.folder / "organization.yaml").write_text(
            yaml.safe_dump(
                {
                    "apiVersion": "penstock/v1",
                    "kind": "Organization",
                    "metadata": {"name": "acme"},
                    "spec": {
                        "apiUrl": url,
                        "loginUrl": url,
                        "credentials": {"clientId": {"env": "ACME_ID"}, "clientSecret": {"env": "ACME_SECRET"}},
                    },
                }
            )
        )
        self.flow("front", inbound("Front", calls=["Hours"]))
        self.flow("hours", module("Hours"))
        self.commit()

    def flow(self, name: str, text: str, **spec: object) -> None:
        (self.folder / f"{name}.flow.yaml").write_text(text)
        manifest = {
            "apiVersion": "penstock/v1",
            "kind": "Flow",
            "metadata": {"name": name},
            "spec": {"source": {"file": f"{name}.flow.yaml"}, **spec},
        }
        (self.folder / f"{name}.yaml").write_text(yaml.safe_dump(manifest))

    def git(self, *arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=self.folder, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self) -> None:
        commit_all(self.folder, "Change what we want")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run(*arguments, cwd=self.folder, env=self.environment)

    def json(self, *arguments: str) -> dict:
        done = self.run(*arguments, "--format", "json")
        assert done.stdout, done.stderr
        return json.loads(done.stdout)
