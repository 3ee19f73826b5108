"""A repository that asks for new content of two flows, and commands that are told to stop while they deliver it."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import yaml

from controller.domain.capabilities import ARCHITECT, VERSIONED
from controller.simulator.serve import running
from controller.simulator.settings import SimulatorSettings
from controller.simulator.simulator import Simulator
from tests.support.commands import Command
from tests.support.service import eventually
from tests.support.shell import Shell
from tests.support.sources import inbound, module

OLD, NEW = "Hello", "New"
TEXTS = {"hours": module("Hours", says=NEW), "front": inbound("Front", says=NEW, calls=["Hours"])}
KEYS = {"hours": ("commonmodule", "Hours"), "front": ("inboundcall", "Front")}
_PUBLISH = {ARCHITECT: ("PUT", ""), VERSIONED: ("POST", "/publish")}
"""The call that publishes: its method, and how its route ends."""
SLOWLY_S = 10.0


class Shop(Shell):
    """`front` calls `hours`; both are live with their old content."""

    def __init__(self, folder: Path, url: str, dialect: str, **hours: object) -> None:
        super().__init__(folder, url)
        self.dialect = dialect
        self.log = folder / "stderr"
        path = self.folder / "organization.yaml"
        manifest = yaml.safe_load(path.read_text())
        manifest["spec"]["api"] = dialect
        path.write_text(yaml.safe_dump(manifest))
        self._ask("hours", hours)
        self._ask("front", {"dependsOn": ["hours"]})
        self.commit()

    def _ask(self, name: str, fields: Mapping[str, object]) -> None:
        """The new content: as a file, or as a version that somebody checked in."""
        if self.dialect == ARCHITECT:
            (self.folder / f"{name}.flow.yaml").write_text(TEXTS[name])
            spec: dict[str, object] = {"source": {"file": f"{name}.flow.yaml"}}
        else:
            kind, display = KEYS[name]
            flow = next(flow for flow in self.flows() if flow["name"] == display)
            self._post(f"flows/{flow['id']}/version", {"by": "Ada", "text": TEXTS[name]})
            spec = {"type": kind, "name": display, "source": {"version": "2.0"}}
        manifest = {"apiVersion": "penstock/v1", "kind": "Flow", "metadata": {"name": name}, "spec": {**spec, **fields}}
        (self.folder / f"{name}.yaml").write_text(yaml.safe_dump(manifest))

    @contextlib.contextmanager
    def started(self, *arguments: str) -> Iterator[Command]:
        """A command that runs beside the test; killed where it still does in the end."""
        with self.log.open("w") as log:
            process = Command(*arguments, cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=log)
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    # Moments.

    def publishes_slowly(self) -> None:
        """From now on a publish lasts longer than a busy machine needs to notice it, and less than its grace."""
        self._durations(SLOWLY_S)
        self.environment |= {"PENSTOCK_PUBLISH_POLL": "1", "PENSTOCK_JOB_POLL": "1"}

    def publishing(self, name: str = "hours") -> None:
        """Wait until the organisation was asked to publish the flow; `hours` is first."""
        method, end = _PUBLISH[self.dialect]
        wanted = list(KEYS).index(name) + 1

        def asked() -> int:
            calls = httpx.get(f"{self.url}/_simulator/calls", timeout=30).json()["calls"]
            return sum(call["count"] for call in calls if call["method"] == method and call["route"].endswith(end))

        eventually(lambda: asked() >= wanted, f"the publish of {name}")

    def told(self, line: str) -> None:
        """Wait until the command has said this on stderr."""
        eventually(lambda: line in self.log.read_text(), line)

    def comes_to_its_end(self) -> None:
        """The next `penstock apply` converges, and in all nothing was published twice."""
        self._durations(1.0)
        done = self.run("apply")
        assert done.returncode == 0, done.stdout + done.stderr
        assert self.live() == {"Front": "2.0", "Hours": "2.0"}
        assert self.publishes() == {"Front": ["2.0"], "Hours": ["2.0"]}
        assert self.run("plan", "--detailed-exitcode").returncode == 0

    # What the organisation says.

    def flows(self) -> list[dict]:
        return httpx.get(f"{self.url}/_simulator/flows", timeout=30).json()["flows"]

    def live(self) -> dict[str, str]:
        return {flow["name"]: flow["published_version"] for flow in self.flows()}

    def publishes(self) -> dict[str, list[str]]:
        """Versions that were published after the old ones, by flow."""
        return {
            flow["name"]: [entry["version"] for entry in flow["history"] if entry["action"] == "publish"][1:]
            for flow in self.flows()
        }

    def _durations(self, publish_s: float) -> None:
        durations = {"publish_s": publish_s, "upload_s": publish_s}
        httpx.patch(f"{self.url}/_simulator/settings", json=durations, timeout=30).raise_for_status()

    def _post(self, path: str, body: Mapping[str, str]) -> None:
        httpx.post(f"{self.url}/_simulator/{path}", json=body, timeout=30).raise_for_status()


@contextlib.contextmanager
def organization(folder: Path) -> Iterator[str]:
    """A served organisation in which both flows are live with their old content."""
    flows = folder / "old"
    flows.mkdir()
    (flows / "hours.yaml").write_text(module("Hours", says=OLD))
    (flows / "front.yaml").write_text(inbound("Front", says=OLD, calls=["Hours"]))
    simulator = Simulator(settings=SimulatorSettings(rate_limit_per_minute=3000))
    simulator.load_folder(flows)
    with running(simulator) as url:
        yield url
