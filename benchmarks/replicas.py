"""Does a service deliver more with more replicas?

Four organisations, each with an OAuth client and a request budget of its own, get all of their flows with one commit.
At Genesys' 300 requests a minute the budgets bind: one replica needs a fraction of a processor for all four, and more
replicas cannot be faster. They must be no slower. Replicas are what is scarce where the budgets are ten times as large
and each replica has a fixed share of a processor, as a container with `limits.cpu` has. There the delivery has to grow
faster with each replica, until the budgets bind again. The busiest replica's processor time says the same on a busy
machine: with a share of a processor no delivery ends before the busiest replica has had its time. Times are those of
the wall from the commit until the last flow is live. Replicas share a PostgreSQL server, and the organisations are
simulated by a process of their own, whose publishes take a twentieth of the usual time.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx

from benchmarks.environment import scratch, settings
from benchmarks.measure import Answer, Row
from benchmarks.services import manifest, organization_spec, penstock_run, simulated
from benchmarks.throttle import cpu_clock_s, throttled
from benchmarks.virtual import limited_calls
from controller.simulator.settings import SimulatorSettings
from controller.simulator.simulator import Simulator
from tests.support.postgres import new_store, running_server, server_programs
from tests.support.remotes import remote_and_clone
from tests.support.shell import free_port
from tests.support.sources import inbound

ORGANIZATIONS, REPLICAS = 4, (1, 2, 4)
FLOWS_AT_THE_LIMIT, FLOWS = 40, 100
LIMIT = 300
"""Genesys' limit of requests a minute for a token."""
SHARE = 0.2
"""Of a processor, for each replica in the second part."""
_SETTLED_S = 5.0
"""In which replicas have shared the organisations out."""
_PATIENCE_S = 900.0
_NO_SLOWER: Mapping[int, float] = {2: 1.15, 4: 1.15}
_FASTER: Mapping[int, float] = {2: 0.65, 4: 0.4}


@dataclass(frozen=True, slots=True)
class Setting:
    """One part of the question."""

    flows: int
    limit: int
    """Requests a minute of each organisation."""
    share: float | None
    """Of a processor, for each replica; None for as much as there is."""


@dataclass(frozen=True, slots=True)
class Run:
    """What a commit took with so many replicas."""

    makespan_s: float
    calls_per_minute: float
    """Of all organisations together."""
    busiest_s: float
    """Processor time of the replica that needed most."""
    cpu_s: float
    """Processor time of all replicas."""


def ask(replicas: Sequence[int] = REPLICAS, flows: int = FLOWS, at_the_limit: int = FLOWS_AT_THE_LIMIT) -> Answer:
    """Measure both parts. Raises RuntimeError where a replica ends, or a part takes more than 15 minutes."""
    parts = {"budgets bind": Setting(at_the_limit, LIMIT, None), "replicas bind": Setting(flows, 10 * LIMIT, SHARE)}
    conditions = {"organisations": ORGANIZATIONS, "processors": os.cpu_count() or 1}
    conditions |= {f"where {name}": _said(setting) for name, setting in parts.items()}
    programs = server_programs()
    if programs is None:
        return Answer("replicas", conditions, skipped={"all": "PostgreSQL's server programs are not installed"})
    with running_server(programs) as server:
        runs = {
            name: {each: measured(each, setting, server.url) for each in replicas} for name, setting in parts.items()
        }
    limits = {name: ORGANIZATIONS * setting.limit for name, setting in parts.items()}
    return Answer("replicas", conditions, tuple(rows(runs["budgets bind"], runs["replicas bind"], limits)))


def rows(bound: Mapping[int, Run], scarce: Mapping[int, Run], limits: Mapping[str, int]) -> Iterator[Row]:
    """By number of replicas: durations, processor time, and the used share of all budgets."""
    yield from _beside_one("budgets bind", "s", {number: run.makespan_s for number, run in bound.items()}, _NO_SLOWER)
    yield from _beside_one("replicas bind", "s", {number: run.makespan_s for number, run in scarce.items()}, _FASTER)
    busiest = {number: run.busiest_s for number, run in scarce.items()}
    yield from _beside_one("busiest replica", "s processor", busiest, _FASTER)
    yield from _beside_one("all replicas", "s processor", {number: run.cpu_s for number, run in scarce.items()}, {})
    for name, runs in (("budgets bind", bound), ("replicas bind", scarce)):
        for number, run in runs.items():
            yield Row(f"{name}, {_counted(number)}, budgets used", "%", (100 * run.calls_per_minute / limits[name],))


def _said(setting: Setting) -> str:
    share = "as much of the processors as there is" if setting.share is None else f"{setting.share:.0%} of a processor"
    return f"{setting.flows} flows in each, {setting.limit} requests a minute for each, {share} for a replica"


def _beside_one(name: str, unit: str, values: Mapping[int, float], targets: Mapping[int, float]) -> Iterator[Row]:
    (first, alone), *others = values.items()
    yield Row(f"{name}, {_counted(first)}", unit, (alone,))
    for number, value in others:
        beside = {"peer": _counted(first), "peer_values": (alone,), "relative": True}
        yield Row(f"{name}, {_counted(number)}", unit, (value,), targets.get(number), **beside)


def _counted(replicas: int) -> str:
    return "1 replica" if replicas == 1 else f"{replicas} replicas"


def measured(replicas: int, setting: Setting, server: str) -> Run:
    """Deliver all flows of all organisations for the first time with so many replicas, which are there already."""
    names = [f"site-{number}" for number in range(ORGANIZATIONS)]
    make = partial(_organization, limit=setting.limit)
    with scratch() as folder, ExitStack() as stack:
        urls, seen = stack.enter_context(simulated(names, make, _seen))
        _, clone = remote_and_clone(folder)
        environment = settings(folder)
        for name, url in zip(names, urls, strict=True):
            (clone / name).mkdir()
            manifest(clone / name / "organization.yaml", "Organization", name, organization_spec(url))
        _push(clone, environment)
        store, numbers = new_store(server), range(replicas)
        running = [stack.enter_context(_replica(folder, each, store, setting.limit)) for each in numbers]
        _until(lambda: all(each.ready() for each in running), "all replicas are ready", running)
        time.sleep(_SETTLED_S)
        if setting.share is not None:
            stack.enter_context(throttled([each.process.pid for each in running], setting.share))
        return _delivery(clone, environment, setting.flows, seen, running)


def _delivery(
    clone: Path,
    environment: Mapping[str, str],
    flows: int,
    seen: Callable[[], list[Seen]],
    running: Sequence[_Replica],
) -> Run:
    for number in range(flows):
        (clone / f"{number}.flow.yaml").write_text(inbound(f"Flow {number}"), encoding="utf-8")
        for place in sorted(clone.glob("site-*")):
            spec = {"source": {"file": f"../{number}.flow.yaml"}}
            manifest(place / f"{number}.yaml", "Flow", f"flow-{number}", spec)
    before, spent_s = sum(each.calls for each in seen()), [cpu_clock_s(each.process.pid) for each in running]
    began_s = time.monotonic()
    _push(clone, environment)
    ended_s: dict[int, float] = {}

    def delivered() -> bool:
        for number, each in enumerate(seen()):
            if each.published == flows:
                ended_s.setdefault(number, time.monotonic() - began_s)
        return len(ended_s) == ORGANIZATIONS

    _until(delivered, "all flows are live", running)
    calls = sum(each.calls for each in seen()) - before
    makespan_s = max(ended_s.values())
    spent_s = [cpu_clock_s(each.process.pid) - before_s for each, before_s in zip(running, spent_s, strict=True)]
    return Run(makespan_s, calls / makespan_s * 60, max(spent_s), sum(spent_s))


@dataclass(frozen=True, slots=True)
class Seen:
    """What one organisation has and heard so far."""

    published: int
    calls: int


def _organization(name: str, limit: int) -> Simulator:
    return Simulator(settings=SimulatorSettings(organization=name, time_scale=20, rate_limit_per_minute=limit))


def _seen(simulator: Simulator) -> Seen:
    published = sum(flow.published is not None for flow in simulator.organization.flows())
    return Seen(published, limited_calls(simulator.calls))


def _push(clone: Path, environment: Mapping[str, str]) -> None:
    for deed in (("add", "--all"), ("commit", "--quiet", "--message", "Flows"), ("push", "--quiet", "origin", "main")):
        words = ("git", *deed)
        subprocess.run(words, cwd=clone, check=True, env=environment, timeout=600)


class _Replica:
    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process = process
        self.log = log
        self._port = port

    def ready(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self._port}/readyz", timeout=60).status_code == 200
        except httpx.TransportError:
            return False


@contextmanager
def _replica(folder: Path, number: int, store: str, limit: int) -> Iterator[_Replica]:
    port, log = free_port(), folder / f"replica-{number}.log"
    environment = {
        **settings(folder),
        "PENSTOCK_STORE": store,
        "PENSTOCK_HOLDER": f"replica-{number}",
        "PENSTOCK_REPOSITORY_URL": str(folder / "remote.git"),
        "PENSTOCK_WORK_DIR": str(folder / f"work-{number}"),
        "PENSTOCK_CACHE_DIR": str(folder / f"cache-{number}"),
        "PENSTOCK_HTTP_ADDRESS": f"127.0.0.1:{port}",
        "PENSTOCK_POLL_INTERVAL": "1",
        "PENSTOCK_PUBLISH_POLL": "1",
        "PENSTOCK_JOB_POLL": "1",
        "PENSTOCK_RATE_LIMIT": str(limit),
    }
    with penstock_run(environment, log) as process:
        yield _Replica(process, port, log)


def _until(check: Callable[[], bool], what: str, running: Sequence[_Replica]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not check():
        ended = [each for each in running if each.process.poll() is not None]
        if ended or time.monotonic() > deadline:
            raise RuntimeError(f"never: {what}\n{(ended or running)[0].log.read_text('utf-8')[-2000:]}")
        time.sleep(0.2)
