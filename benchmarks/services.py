"""What does a service cost that has many organisations, in all of which nothing changes?

An hour without changes, in a minute: every interval is a sixtieth of its default, so that each organisation is looked
at as often as in an hour. The organisations were adopted by an earlier process. Processor time is user and system time
of `penstock run` and of the git programs that it starts; memory is the most that it had since its start.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.environment import scratch
from benchmarks.measure import Answer, Row
from benchmarks.repositories import Checkout
from benchmarks.virtual import limited_calls
from controller.reconcile.settings import Settings
from controller.simulator.serve import running
from controller.simulator.settings import SimulatorSettings
from controller.simulator.simulator import Simulator
from tests.support.shell import free_port
from tests.support.sources import inbound

ORGANIZATIONS, FLOWS, LOOKS = 50, 200, 12
"""An hour has 12 looks at the default interval of 300 s."""
_FASTER = 60
_INTERVALS = ("poll_interval", "drift_interval", "full_look_interval")
_MUCH = 1_000_000
_CPU_TARGET_S, _MEMORY_TARGET_MIB, _CALLS_TARGET = 60.0, 400.0, 3.0
_PATIENCE_S = 600.0


@dataclass(frozen=True, slots=True)
class Reading:
    """What a process has used so far."""

    cpu_s: float
    looks: int
    calls: int


def ask(organizations: int = ORGANIZATIONS, flows: int = FLOWS, looks: int = LOOKS) -> Answer:
    """Adopt the organisations, start again, and watch so many looks at each. Raises RuntimeError after 10 minutes."""
    wanted = organizations * looks
    with ExitStack() as stack:
        folder = stack.enter_context(scratch())
        simulators = [_simulator(number) for number in range(organizations)]
        urls = [stack.enter_context(running(simulator)) for simulator in simulators]
        checkout = _checkout(folder / "checkout", urls, flows)
        for simulator in simulators:
            simulator.load_folder(checkout.folder / "shared" / "flows")
        checkout.git("clone", "--quiet", "--bare", ".", str(folder / "remote.git"))
        with _service(folder, "adopt") as service:
            service.wait(lambda: service.synced() == organizations)
        with _service(folder, "idle") as service:
            service.wait(lambda: service.synced() == organizations and service.looks() >= organizations)
            before = service.reading(simulators)
            service.wait(lambda: service.looks() >= before.looks + wanted)
            after, peak_mib = service.reading(simulators), service.peak_mib()
    made = after.looks - before.looks
    rows = (
        Row(f"{wanted} looks", "s processor", ((after.cpu_s - before.cpu_s) / made * wanted,), _CPU_TARGET_S),
        Row("peak memory", "MiB", (peak_mib,), _MEMORY_TARGET_MIB),
        Row("calls of a look", "calls", ((after.calls - before.calls) / made,), _CALLS_TARGET),
    )
    conditions = {"organisations": organizations, "flows in each": flows, "looks": made, "intervals": f"1/{_FASTER}"}
    return Answer("services", conditions, rows)


def _simulator(number: int) -> Simulator:
    named = f"Organisation {number}"
    return Simulator(settings=SimulatorSettings(named, rate_limit_per_minute=_MUCH, time_scale=_FASTER))


def _checkout(folder: Path, urls: list[str], flows: int) -> Checkout:
    """Organisations in folders of their own, which share their flows."""
    checkout = Checkout(folder)
    (folder / "acme.yaml").unlink()
    for number, url in enumerate(urls):
        checkout.organization(f"org-{number:02d}/organization", url, name=f"org-{number:02d}", include=["../shared"])
    for number in range(flows):
        checkout.flow(f"flow-{number:03d}", inbound(f"Flow {number}"), folder="shared")
    checkout.commit()
    return checkout


class Service:
    """A running `penstock run`."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self._process = process
        self._port = port
        self._log = log

    def wait(self, done: Callable[[], bool]) -> None:
        """Raises RuntimeError where it takes too long, or the process ends."""
        until = time.monotonic() + _PATIENCE_S
        while not done():
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"the service did not come so far:\n{self._log.read_text('utf-8')[-2000:]}")
            time.sleep(0.5)

    def synced(self) -> int:
        """Organisations in which nothing is left to do."""
        try:
            shown = httpx.get(f"http://127.0.0.1:{self._port}/status", timeout=30).json()
        except (httpx.TransportError, ValueError):
            return 0
        return sum(each["sync"] == "Synced" for each in shown["organizations"])

    def looks(self) -> int:
        return self._log.read_bytes().count(b"pass.done")

    def reading(self, simulators: list[Simulator]) -> Reading:
        fields = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        ticks = sum(map(int, fields[11:15]))
        calls = sum(limited_calls(simulator.calls) for simulator in simulators)
        return Reading(ticks / os.sysconf("SC_CLK_TCK"), self.looks(), calls)

    def peak_mib(self) -> float:
        lines = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


@contextmanager
def _service(folder: Path, name: str) -> Iterator[Service]:
    """`penstock run` over the same clone and store, until the block ends."""
    port, log = free_port(), folder / f"{name}.log"
    environment = {**os.environ, **_intervals()} | {
        "PENSTOCK_REPOSITORY_URL": str(folder / "remote.git"),
        "PENSTOCK_WORK_DIR": str(folder / "work"),
        "PENSTOCK_STORE": f"sqlite:///{folder / 'store.db'}",
        "PENSTOCK_HTTP_ADDRESS": f"127.0.0.1:{port}",
        "PENSTOCK_LOG_LEVEL": "info",
        "PENSTOCK_RATE_LIMIT": str(_MUCH),
    }
    words = [str(Path(sys.executable).with_name("penstock")), "run"]
    with log.open("wb") as file, subprocess.Popen(words, env=environment, stdout=file, stderr=file) as process:
        try:
            yield Service(process, port, log)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=_PATIENCE_S)


def _intervals() -> dict[str, str]:
    """Each interval of the service, as far as there is such a setting, by its variable."""
    fields = Settings.model_fields
    return {f"PENSTOCK_{name.upper()}": f"{fields[name].default / _FASTER:g}" for name in _INTERVALS if name in fields}
