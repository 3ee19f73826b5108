"""A bare git remote, a clone of it, and a simulated organisation in its own process."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from controller.cli.demo_files import copy_demo_files
from controller.cli.running import opened_services, run_passes
from controller.domain.errors.process import Interrupted, SettingsInvalid
from controller.reconcile.delivering import open_delivery
from controller.reconcile.pass_ import Listener, Mode, PassRequest
from controller.reconcile.report import PassReport
from controller.reconcile.settings import Settings
from controller.reconcile.workspace import open_folder

ORGANIZATION = "demo"
_TIME_SCALE = 20
_ADDRESS_IN_MANIFESTS = "http://127.0.0.1:8080"
_CREDENTIALS = {"GENESYS_DEMO_CLIENT_ID": "penstock", "GENESYS_DEMO_CLIENT_SECRET": "penstock-secret"}
_STOP_TIMEOUT_S = 10


@dataclass(slots=True)
class DemoStage:
    """The things that the chapters act on."""

    clone: Path
    remote: Path
    url: str
    settings: Settings
    simulator: httpx.Client
    """Asks it; one for all that is asked, because each reads the certificates that it trusts."""

    def git(self, *arguments: str, folder: Path | None = None) -> str:
        """Run git in the clone."""
        done = subprocess.run(
            ["git", *arguments],  # noqa: S607 - whichever git the person has
            cwd=folder or self.clone,
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},
            timeout=60,
        )
        return done.stdout.rstrip()

    def commit(self, message: str) -> None:
        """Commit everything in the clone and push it."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        self.git("push", "--quiet", "origin", "HEAD:main")

    def plan(self) -> PassReport:
        """One pass that looks."""
        return self._pass(Mode.PLAN)

    def apply(self, listener: Listener | None = None) -> PassReport:
        """One pass that delivers. Raises Interrupted where it was told to stop."""
        return self._pass(Mode.APPLY, listener)

    def _pass(self, mode: Mode, listener: Listener | None = None) -> PassReport:
        workspace = open_folder(self.clone / "manifests", self.settings)
        with opened_services(self.settings, open_delivery) as services:
            (report,) = run_passes(workspace, [PassRequest(ORGANIZATION, mode, actor="demo")], services, listener)
        if report.was_stopped:
            raise Interrupted("the demo was told to stop", hint="nothing of it is left; run it again")
        return report

    def flows(self) -> list[dict[str, Any]]:
        """The flows, as the simulated organisation reports them."""
        return list(self._ask("GET", "/_simulator/flows")["flows"])

    def flow(self, flow_type: str, name: str) -> dict[str, Any]:
        """One of these flows."""
        return next(flow for flow in self.flows() if (flow["type"], flow["name"]) == (flow_type, name))

    def calls(self) -> int:
        """How many calls the organisation has answered since the last reset."""
        return int(self._ask("GET", "/_simulator/calls")["total"])

    def reset_calls(self) -> None:
        self._ask("DELETE", "/_simulator/calls")

    def publish_by_hand(self, flow_id: str, person: str) -> None:
        """A person publishes in Architect, past git."""
        self._ask("POST", f"/_simulator/flows/{flow_id}/publish", {"by": person})

    def set_faults(self, faults: Sequence[Mapping[str, object]]) -> None:
        """Let these faults, and no others, happen from now on."""
        self._ask("DELETE", "/_simulator/faults")
        for fault in faults:
            self._ask("POST", "/_simulator/faults", fault)

    def _ask(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Any:
        answer = self.simulator.request(method, path, json=body)
        answer.raise_for_status()
        return answer.json() if answer.content else None


@contextlib.contextmanager
def open_stage() -> Iterator[DemoStage]:
    """Set everything up in a temporary folder, and delete it afterwards."""
    with tempfile.TemporaryDirectory(prefix="penstock-demo-") as name, _simulator() as url:
        folder = Path(name)
        for variable, value in _CREDENTIALS.items():
            os.environ[variable] = value
        settings = Settings(
            store=f"sqlite:///{folder / 'penstock.db'}", rate_limit=3000, publish_poll=0.2, job_poll=0.1
        )
        with httpx.Client(base_url=url, timeout=10) as simulator:
            stage = DemoStage(folder / "clone", folder / "remote.git", url, settings, simulator)
            _fill(stage)
            yield stage


def _fill(stage: DemoStage) -> None:
    stage.git("init", "--quiet", "--bare", "--initial-branch=main", str(stage.remote), folder=stage.remote.parent)
    stage.git("clone", "--quiet", str(stage.remote), str(stage.clone), folder=stage.remote.parent)
    stage.git("config", "user.name", "Flow Author")
    stage.git("config", "user.email", "author@example.com")
    stage.git("switch", "--quiet", "--create", "main")
    for manifest in sorted(copy_demo_files(stage.clone).rglob("*.yaml")):
        text = manifest.read_text(encoding="utf-8")
        manifest.write_text(text.replace(_ADDRESS_IN_MANIFESTS, stage.url), encoding="utf-8")
    stage.git("add", "--all")
    stage.git("commit", "--quiet", "--message", "Describe the flows that we want")
    stage.git("push", "--quiet", "--set-upstream", "origin", "main")


@contextlib.contextmanager
def _simulator() -> Iterator[str]:
    """`penstock simulator` in a process of its own; gives its URL."""
    command = [sys.executable, "-m", "controller", "simulator", "--port", "0"]
    process = subprocess.Popen(
        [*command, "--time-scale", str(_TIME_SCALE), "--rate-limit", "3000"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        url = process.stdout.readline().strip()
        if not url:
            raise SettingsInvalid("the simulator did not start", hint="try `penstock simulator`")
        yield url
    finally:
        process.terminate()
        try:
            process.wait(timeout=_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
