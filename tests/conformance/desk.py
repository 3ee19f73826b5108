"""A person's desk: a clone of a remote, the `penstock` command, and an organisation on a socket."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import yaml

from controller.cli import running
from tests.conformance.flows import FINDER, IVR
from tests.conformance.recorded import recorded_in
from tests.support.fast_clock import FastClock
from tests.support.inside import InsideShell
from tests.support.stores import prepare

NAME = "acme"
SPEED = 50.0


class Desk(InsideShell):
    """Commands run in this process on a clock that runs fast or, with `run_as_process`, in one of their own.

    Waits of the product take 50 times less, while calls take what they take.
    """

    def __init__(self, folder: Path, url: str, client: tuple[str, str], **spec: object) -> None:
        self.folder = folder / "clone"
        self.remote = folder / "remote.git"
        self.url = url
        self.audit_folder = folder / "audit"
        self.clock = FastClock.from_now(datetime.now(UTC), SPEED)
        self.environment = {
            **os.environ,
            "PENSTOCK_STORE": f"sqlite:///{folder / 'store.db'}",
            "PENSTOCK_AUDIT_DIR": str(self.audit_folder),
            "PENSTOCK_LEASE_TTL": "6000",
            "PENSTOCK_RATE_LIMIT": "100000",
            "GENESYS_ACME_ID": client[0],
            "GENESYS_ACME_SECRET": client[1],
        }
        self.folder.mkdir(parents=True)
        prepare(folder / "store.db")
        self.git("init", "--quiet", "--bare", "--initial-branch=main", str(self.remote))
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("remote", "add", "origin", str(self.remote))
        self.describe(**spec)

    def describe(self, **spec: object) -> None:
        """Write the organisation's manifest."""
        variables = {"clientId": {"env": "GENESYS_ACME_ID"}, "clientSecret": {"env": "GENESYS_ACME_SECRET"}}
        own = {"apiUrl": self.url, "loginUrl": self.url, "api": "versioned", "credentials": variables}
        self._write(NAME, "Organization", own | spec)

    def pin(self, name: str, version: str, **spec: object) -> None:
        """Ask for a version of the flow of this name."""
        kinds = {IVR: "inboundcall", FINDER: "commonmodule"}
        manifest = {"type": kinds[name], "name": name, "source": {"version": version}, **spec}
        self._write(name.lower().replace(" ", "-"), "Flow", manifest)

    def commit(self) -> None:
        super().commit()
        self.git("push", "--quiet", "--set-upstream", "origin", "main")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        with mock.patch.object(running, "SystemClock", return_value=self.clock):
            return super().run(*arguments)

    def apply(self, *options: str) -> tuple[int, str]:
        """The exit code, and all that was printed."""
        done = self.run("apply", *options)
        return done.returncode, done.stdout + done.stderr

    def audited(self) -> list[dict[str, Any]]:
        """The lines of the audit files, oldest first."""
        files = sorted(self.audit_folder.glob("*.jsonl"))
        return [json.loads(line) for file in files for line in file.read_text().splitlines()]

    def recorded(self) -> dict[str, str]:
        """Versions by the flow's name, as the lock file on the remote has them."""
        return recorded_in(self.remote, NAME)

    def _write(self, name: str, kind: str, spec: dict[str, object]) -> None:
        document = {"apiVersion": "penstock/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}
        (self.folder / f"{name}.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
