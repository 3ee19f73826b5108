"""How long does a delivery take, with how many calls, and how late is the end of a publish noticed?

Every flow of a random graph is new; a later delivery changes them all. Penstock has its default settings, except that
all flows may change at once, and that there is no notification channel, whose connection needs real time. Its makespan
ends when the exports are read and the record is committed; that of a peer when its last flow is live. A peer exports
nothing, reads nothing back, keeps no journal, and is given every dependency.
"""

from __future__ import annotations

import statistics
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from benchmarks.environment import scratch
from benchmarks.measure import Answer, Row
from benchmarks.peers import cx_as_code, provider_like, sdk_loop, sequential
from benchmarks.peers.published import PeerRun
from benchmarks.virtual import (
    LIMIT_PER_MINUTE,
    VirtualOrganization,
    in_virtual_time,
    limited_calls,
    live_at,
    processes,
    virtual_world,
)
from benchmarks.workload import LONGEST_S, SHORTEST_S, Workload, random_workload
from controller.delivery.sync_run import DeliveryEvent
from tests.support.world import Recording, World

T = TypeVar("T")
SEEDS = (1, 2, 3)
PEERS: Mapping[str, Callable[[VirtualOrganization, Workload], Awaitable[PeerRun] | PeerRun]] = {
    "the script of tutorials": sequential.run,
    "Genesys' Python SDK in a loop": sdk_loop.run,
    "a runner like CX as Code": provider_like.run,
}
_WHOLE = 500
"""The number of flows that the targets are for."""
_MAKESPAN_TARGET_S = 385.0
_FASTER = 2.5
_DELAY_TARGET_PERCENT = 10.0
_CALLS_TARGET = 3.5
_LATER_CALLS = "calls that count, a flow of a later delivery"
_WINDOW_S = 60.0
"""The request limit counts the calls of so long."""
_REAL_FLOWS = 20
"""The provider itself runs in real time."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """What Penstock took for one workload."""

    makespan_s: float
    last_live_s: float
    calls: int
    delay_percent: float
    """Median over the flows, from done to noticed, of the time that the publish took."""
    later_s: float
    """The makespan of a delivery that changes each flow."""
    later_calls: int


class Noticing(Recording):
    """Notes when the delivery knows that a flow is live."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self.noticed: dict[str, datetime] = {}

    def progressed(self, event: DeliveryEvent) -> None:
        if event.name == "change.live" and event.flow is not None:
            self.noticed.setdefault(event.flow, self._world.clock.now())


def ask(flows: int = 500, seeds: tuple[int, ...] = SEEDS, peers: Collection[str] = tuple(PEERS)) -> Answer:
    """Deliver the same workloads with Penstock and with each peer. Raises RuntimeError for a delivery that fails."""
    with processes() as pool:
        return begin(pool, flows, seeds, peers)()


def begin(
    pool: Executor, flows: int = 500, seeds: tuple[int, ...] = SEEDS, peers: Collection[str] = tuple(PEERS)
) -> Callable[[], Answer]:
    """Begin all deliveries; the function that is returned waits for them, and raises as `ask` does."""
    workloads = [random_workload(seed, flows) for seed in seeds]
    own = [pool.submit(_own, workload) for workload in workloads]
    others = {name: [pool.submit(_peer, name, workload) for workload in workloads] for name in peers}
    return lambda: _answer(workloads, _results(own), {name: _results(runs) for name, runs in others.items()})


def _results(futures: Sequence[Future[T]]) -> tuple[T, ...]:
    return tuple(future.result() for future in futures)


def _answer(
    workloads: Sequence[Workload], own: tuple[Delivered, ...], others: Mapping[str, tuple[PeerRun, ...]]
) -> Answer:
    flows = len(workloads[0].flows)
    bound_s = statistics.median(workload.bound_s(LIMIT_PER_MINUTE) for workload in workloads)
    makespans = tuple(run.makespan_s for run in own)
    whole = flows >= _WHOLE
    rows = (
        Row("makespan", "s", makespans, _MAKESPAN_TARGET_S if whole else None, bound=bound_s, counted=True),
        *_beside_the_best(makespans, others, whole=whole),
        Row("last flow live", "s", tuple(run.last_live_s for run in own), bound=bound_s),
        Row("calls that count, a flow", "calls", tuple(run.calls / flows for run in own), _CALLS_TARGET, counted=True),
        Row("makespan of a later delivery", "s", tuple(run.later_s for run in own), bound=bound_s, counted=True),
        Row(_LATER_CALLS, "calls", tuple(run.later_calls / flows for run in own), _CALLS_TARGET, counted=True),
        Row("delay from done to noticed", "%", tuple(run.delay_percent for run in own), _DELAY_TARGET_PERCENT),
        *_rows_of_peers(others, flows),
    )
    real, skipped = _beside_the_provider(workloads[0].part(_REAL_FLOWS, cx_as_code.PUBLISH_S))
    return Answer("deliveries", _conditions(flows, workloads), (*rows, *real), skipped)


def _beside_the_provider(workload: Workload) -> tuple[list[Row], dict[str, str]]:
    """A few flows, each with the same duration, beside Genesys' own provider; or why not."""
    try:
        peer = cx_as_code.run(workload)
    except cx_as_code.ProviderMissing as missing:
        return [], {cx_as_code.NAME: str(missing)}
    own = in_virtual_time(deliver(workload))
    name = f"makespan of {len(workload.flows)} flows, {cx_as_code.PUBLISH_S:.0f} s each"
    return [Row(name, "s", (own.makespan_s,), None, cx_as_code.NAME, (peer.makespan_s,))], {}


def _beside_the_best(
    makespans: tuple[float, ...], others: Mapping[str, tuple[PeerRun, ...]], *, whole: bool
) -> list[Row]:
    """The best peer by its median."""
    if not others:
        return []
    best = min(others, key=lambda name: statistics.median(run.makespan_s for run in others[name]))
    taken = tuple(run.makespan_s for run in others[best])
    target = 1 / _FASTER if whole else None
    return [Row("makespan beside the best peer", "s", makespans, target, best, taken, relative=True)]


def _rows_of_peers(peers: Mapping[str, tuple[PeerRun, ...]], flows: int) -> list[Row]:
    rows = [Row(f"makespan of {name}", "s", tuple(run.makespan_s for run in runs)) for name, runs in peers.items()]
    calls = [
        Row(f"calls a flow of {name}", "calls", tuple(run.calls / flows for run in runs))
        for name, runs in peers.items()
    ]
    return [*rows, *calls]


def _conditions(flows: int, workloads: Sequence[Workload]) -> dict[str, object]:
    return {
        "flows": flows,
        "seeds": [workload.seed for workload in workloads],
        "edges": [workload.graph.number_of_edges() for workload in workloads],
        "publish": f"{SHORTEST_S:.0f} to {LONGEST_S:.0f} s, uniform",
        "limit": f"{LIMIT_PER_MINUTE} calls a minute for a token",
        "critical path, s": [round(workload.critical_path_s, 1) for workload in workloads],
        "work, s": [round(workload.work_s) for workload in workloads],
        "2 calls a flow at the limit, s": round(workloads[0].calls_s(LIMIT_PER_MINUTE), 1),
        "time": "simulated: the same on every machine",
        "notifications": "off: the listing has no lag",
    }


def _peer(name: str, workload: Workload) -> PeerRun:
    organization = VirtualOrganization(workload.durations)
    run = PEERS[name](organization, workload)
    done = run if isinstance(run, PeerRun) else in_virtual_time(run)
    if organization.live != len(workload.flows):
        raise RuntimeError(f"{name} left flows that are not live")
    return done


def _own(workload: Workload) -> Delivered:
    return in_virtual_time(deliver(workload))


async def deliver(workload: Workload) -> Delivered:
    """A first and a later delivery by `penstock apply`."""
    with scratch() as folder:
        world = await virtual_world(folder, workload.durations, safety={"maxUpdatePercent": 100})
        began, listener = world.clock.now(), Noticing(world)
        took_s, calls = await _delivered(world, {flow.slug: flow.text for flow in workload.flows.values()}, listener)
        done = live_at(world)
        world.clock.advance(_WINDOW_S)
        later_s, later_calls = await _delivered(world, {flow.slug: flow.changed for flow in workload.flows.values()})
        await world.close()
    delays = [
        (listener.noticed[flow.slug] - done[flow.name]).total_seconds() / flow.publish_s * 100
        for flow in workload.flows.values()
    ]
    last_live_s = (max(listener.noticed.values()) - began).total_seconds()
    return Delivered(took_s, last_live_s, calls, statistics.median(delays), later_s, later_calls)


async def _delivered(world: World, texts: Mapping[str, str], listener: Recording | None = None) -> tuple[float, int]:
    """Seconds and calls that count of a delivery of these texts. Raises RuntimeError where it fails."""
    for slug, text in texts.items():
        world.flow(slug, text)
    world.commit()
    world.simulator.calls.clear()
    began = world.clock.now()
    report = await world.apply(listener or Recording())
    if not report.delivered:
        raise RuntimeError(f"a workload was not delivered: {report.error}")
    return (world.clock.now() - began).total_seconds(), limited_calls(world.simulator.calls)
