"""What does a service cost that has many organisations, in all of which nothing changes?

An hour without changes, in a minute: every interval is a sixtieth of its default, so that the service looks at its
organisations, and at git, as often as in an hour. An earlier process adopted the flows of one organisation, and the
others have a copy of that record. The organisations are simulated by a process of their own. Processor time is user and
system time of `penstock run` and of the git programs that it starts; memory is the most that it had since its start.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypeVar

import httpx
import yaml

from benchmarks.environment import scratch, settings
from benchmarks.measure import Answer, Row
from benchmarks.virtual import limited_calls
from controller.cli.main import run
from controller.domain.identity import FlowKey
from controller.reconcile.settings import Settings
from controller.repository.lockfile import FILE_NAME
from controller.simulator.control import person
from controller.simulator.organization import stable_id
from controller.simulator.publishing import go_live
from controller.simulator.serve import running
from controller.simulator.settings import SimulatorSettings
from controller.simulator.simulator import Simulator
from tests.support.remotes import remote_and_clone
from tests.support.shell import free_port
from tests.support.sources import inbound

ORGANIZATIONS, FLOWS, LOOKS = 50, 200, 600
FASTER = 60
"""How many times shorter the intervals are than by default."""
_SHORT_LOOKS = ("poll_interval", "drift_interval")
_INTERVALS = (*_SHORT_LOOKS, "full_look_interval")
_PATIENCE_S = 600.0
_MOMENTS, _QUIET_S = 10, 1.0
_MUCH = 1_000_000
_CPU_TARGET_S, _MEMORY_TARGET_MIB, _CALLS_TARGET = 60.0, 400.0, 3.0
T = TypeVar("T")
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Spent:
    """What the service used and did up to a moment."""

    cpu_s: float
    looks: int
    calls: int


def ask(
    organizations: int = ORGANIZATIONS, flows: int = FLOWS, looks: int = LOOKS, *, full_looks: bool = True
) -> Answer:
    """Measure so many looks. Raises RuntimeError where the service ends, or takes more than 10 minutes for a part.

    Without full looks the count is the same however long the looks take.
    """
    intervals = _INTERVALS if full_looks else _SHORT_LOOKS
    names = [_name(number) for number in range(organizations)]
    with scratch() as folder, simulated(names, partial(_organization, flows=flows), _calls) as (urls, counted):

        def calls() -> int:
            return sum(counted())

        repository = _Repository(folder, urls, flows)
        repository.ask_for(1)
        repository.adopt(_environment(folder), folder / "adopt.log")
        repository.ask_for(organizations)
        repository.copy_record()
        with _service(folder, intervals) as service:
            service.until(lambda: service.synced(organizations), "all organisations are in sync")
            began = service.spent(calls)
            service.until(lambda: service.looks() >= began.looks + looks, f"{looks} looks")
            ended = service.spent(calls)
            peak_mib = service.peak_mib()
    made = ended.looks - began.looks
    rows = (
        Row(f"{looks} looks", "s processor", ((ended.cpu_s - began.cpu_s) / made * looks,), _CPU_TARGET_S),
        Row("peak memory", "MiB", (peak_mib,), _MEMORY_TARGET_MIB),
        Row("calls of a look", "calls", (round((ended.calls - began.calls) / made),), _CALLS_TARGET, counted=True),
    )
    conditions = {"organisations": organizations, "flows in each": flows, "looks": made, "intervals": f"1/{FASTER}"}
    return Answer("services", conditions, rows)


@contextmanager
def simulated(
    names: Sequence[str], make: Callable[[str], Simulator], look: Callable[[Simulator], T]
) -> Iterator[tuple[list[str], Callable[[], list[T]]]]:
    """Organisations in another process: their URLs, and a function that looks at each of them there."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=_simulate, args=(theirs, names, make, look))
    process.start()
    try:
        urls: list[str] = ours.recv()

        def seen() -> list[T]:
            ours.send("look")
            found: list[T] = ours.recv()
            return found

        yield urls, seen
    finally:
        ours.close()
        process.terminate()
        process.join()


def _simulate(
    pipe: Connection, names: Sequence[str], make: Callable[[str], Simulator], look: Callable[[Simulator], object]
) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with ExitStack() as stack:
        simulators = [make(name) for name in names]
        pipe.send([stack.enter_context(running(each)) for each in simulators])
        while pipe.recv():
            pipe.send([look(each) for each in simulators])


def _calls(simulator: Simulator) -> int:
    return limited_calls(simulator.calls)


def _organization(name: str, flows: int) -> Simulator:
    """An organisation whose flows are published; an export takes a hundredth of its usual time."""
    simulator = Simulator(settings=SimulatorSettings(organization=name, time_scale=100, rate_limit_per_minute=_MUCH))
    organization, now = simulator.organization, simulator.clock.now()
    ada = person(organization, "Ada")
    for number in range(flows):
        flow = organization.create(FlowKey("inboundcall", f"Flow {number}"), ada, now)
        go_live(organization, flow, organization.add_version(flow, _source(number), ada, now), ada, now)
    return simulator


def _source(number: int) -> str:
    return inbound(f"Flow {number}")


def _name(number: int) -> str:
    return f"site-{number:02}"


class _Repository:
    """A remote whose manifests ask for what is live."""

    def __init__(self, folder: Path, urls: list[str], flows: int) -> None:
        _, self._clone = remote_and_clone(folder)
        self._environment = settings(folder)
        self._urls = urls
        self._flows = flows

    def ask_for(self, organizations: int) -> None:
        """Commit the manifests of so many organisations, whose flows share their files."""
        (self._clone / "flows").mkdir(exist_ok=True)
        for number in range(self._flows):
            (self._clone / "flows" / f"{number}.yaml").write_text(_source(number), encoding="utf-8")
        for index, url in enumerate(self._urls[:organizations]):
            place = self._clone / _name(index)
            place.mkdir(exist_ok=True)
            manifest(place / "organization.yaml", "Organization", place.name, organization_spec(url))
            for number in range(self._flows):
                spec = {"source": {"file": f"../flows/{number}.yaml"}}
                manifest(place / f"{number}.yaml", "Flow", f"flow-{number}", spec)
        self._push("main")

    def adopt(self, environment: Mapping[str, str], log: Path) -> None:
        """Deliver what is live already, from a process of its own. Raises RuntimeError where that fails."""
        arguments = (self._clone, environment, log)
        process = multiprocessing.get_context("fork").Process(target=_apply, args=arguments)
        process.start()
        process.join()
        if process.exitcode:
            raise RuntimeError(f"penstock apply ended with {process.exitcode}\n{log.read_text('utf-8')[-2000:]}")

    def copy_record(self) -> None:
        """Record the same of all other organisations: only ids and the name differ."""
        self._git("fetch", "--quiet", "origin")
        self._git("checkout", "--quiet", "penstock/records")
        recorded = self._clone / "artifacts" / _name(0)
        for index in range(1, len(self._urls)):
            place = recorded.with_name(_name(index))
            shutil.copytree(recorded, place)
            lock = place / FILE_NAME
            text = lock.read_text(encoding="utf-8").replace(f"organization: {_name(0)}", f"organization: {place.name}")
            for parts in (("organization",), *(_flow_id_parts(number) for number in range(self._flows))):
                text = text.replace(stable_id(_name(0), *parts), stable_id(place.name, *parts))
            lock.write_text(text, encoding="utf-8")
        self._push("penstock/records")

    def _push(self, branch: str) -> None:
        self._git("add", "--all")
        self._git("commit", "--quiet", "--allow-empty", "--message", "Flows")
        self._git("push", "--quiet", "origin", branch)

    def _git(self, *words: str) -> None:
        words = ("git", *words)
        subprocess.run(words, cwd=self._clone, check=True, env=self._environment, timeout=600)


def _apply(folder: Path, environment: Mapping[str, str], log: Path) -> None:
    """`penstock apply` in this process, which ends with it."""
    os.chdir(folder)
    os.environ.update(environment)
    with log.open("w", encoding="utf-8") as out, redirect_stdout(out), redirect_stderr(out):
        sys.exit(run(["apply", "--yes"]))


def _flow_id_parts(number: int) -> tuple[str, ...]:
    return ("flow", str(FlowKey("inboundcall", f"Flow {number}")), "0")


def organization_spec(url: str) -> dict[str, object]:
    credentials = {"clientId": {"env": "ACME_ID"}, "clientSecret": {"env": "ACME_SECRET"}}
    return {"apiUrl": url, "loginUrl": url, "credentials": credentials}


def manifest(path: Path, kind: str, name: str, spec: Mapping[str, object]) -> None:
    document = {"apiVersion": "penstock/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}
    path.write_text(yaml.safe_dump(document), encoding="utf-8")


class Service:
    """A running `penstock run`."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self._process = process
        self._port = port
        self._log = log

    def until(self, check: Callable[[], bool], what: str) -> None:
        """Wait for it. Raises RuntimeError where it does not come, or the process has ended."""
        deadline = time.monotonic() + _PATIENCE_S
        while not check():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"never: {what}\n{self._log.read_text('utf-8')[-2000:]}")
            time.sleep(1)

    def synced(self, organizations: int) -> bool:
        try:
            answer = httpx.get(f"http://127.0.0.1:{self._port}/status", timeout=60)
        except httpx.TransportError:
            return False
        entries = answer.json()["organizations"]
        return len(entries) == organizations and all(entry["message"] == "in sync" for entry in entries)

    def spent(self, calls: Callable[[], int]) -> Spent:
        """Processor time in user and kernel mode, of the process and of the children that it waited for.

        Between two looks where there is such a moment: what a look called is counted before the look is. Many
        organisations have none, and so many looks that it does not matter.
        """
        last = (self.looks(), calls())
        for _ in range(_MOMENTS):
            time.sleep(_QUIET_S)
            now = (self.looks(), calls())
            if now == last:
                break
            last = now
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return Spent(sum(map(int, fields[11:15])) / _TICKS, *last)

    def looks(self) -> int:
        """From the log: to ask the service would cost it time."""
        return self._log.read_bytes().count(b"pass.done")

    def peak_mib(self) -> float:
        lines = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


@contextmanager
def penstock_run(environment: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A controller in a process of its own, with its output in `log`; stopped by SIGTERM at the end."""
    words = [sys.executable, "-m", "controller", "run"]
    with log.open("wb") as out, subprocess.Popen(words, env=environment, stdout=out, stderr=out) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=_PATIENCE_S)


def _environment(folder: Path) -> dict[str, str]:
    return {
        **settings(folder),
        "PENSTOCK_STORE": f"sqlite:///{folder / 'service.db'}",
        "PENSTOCK_JOB_POLL": "0.5",
        "PENSTOCK_RATE_LIMIT": str(_MUCH),
    }


@contextmanager
def _service(folder: Path, intervals: Sequence[str]) -> Iterator[Service]:
    port, log = free_port(), folder / "idle.log"
    environment = {
        **_environment(folder),
        "PENSTOCK_REPOSITORY_URL": str(folder / "remote.git"),
        "PENSTOCK_WORK_DIR": str(folder / "work"),
        "PENSTOCK_HTTP_ADDRESS": f"127.0.0.1:{port}",
        **{f"PENSTOCK_{name.upper()}": f"{Settings.model_fields[name].default / FASTER:g}" for name in intervals},
    }
    with penstock_run(environment, log) as process:
        yield Service(process, port, log)
