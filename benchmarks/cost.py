"""Calls of a pass without changes, and the duration of a first deployment, for organisations of several sizes."""

from __future__ import annotations

import asyncio
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import structlog

from tests.support.sources import inbound, module
from tests.support.world import World

SIZES = (10, 50, 200)
CALLERS_OF_A_MODULE = 9
os.environ |= {"ACME_ID": "penstock", "ACME_SECRET": "penstock-secret"}


@dataclass(frozen=True, slots=True)
class Cost:
    flows: int
    calls: int
    peer_calls: int
    duration_s: float
    peer_duration_s: float

    def row(self) -> str:
        return (
            f"| {self.flows} | {self.calls} | {self.peer_calls} | {self.peer_calls / self.calls:.0f} "
            f"| {self.duration_s:.0f} s | {self.peer_duration_s:.0f} s | {self.peer_duration_s / self.duration_s:.1f} |"
        )


def describe(world: World, flows: int) -> None:
    """One module for every nine flows that call it."""
    for number in range(flows):
        group, place = divmod(number, CALLERS_OF_A_MODULE + 1)
        if place == 0:
            world.flow(f"module-{group}", module(f"Module {group}"))
        else:
            world.flow(f"flow-{number}", inbound(f"Flow {number}", calls=[f"Module {group}"]))
    world.commit()


async def deploy(flows: int, concurrency: int) -> tuple[World, tempfile.TemporaryDirectory[str], float]:
    """A world in which everything is deployed, and how long that took in simulated time."""
    folder = tempfile.TemporaryDirectory()
    world = World(Path(folder.name), spec={"sync": {"concurrency": concurrency}})
    describe(world, flows)
    report = await world.apply()
    if not report.delivered:
        raise SystemExit(f"the deployment failed: {report.error}")
    return world, folder, report.duration_s


async def walk(world: World) -> int:
    """The peer's calls: list the flows, then ask for each flow and for what its live version consumes."""
    platform = world.services.platform(world_organization(world))
    world.simulator.calls.clear()
    listing = await platform.flows.listing()
    for flow in listing.flows:
        await platform.flows.get(flow.id)
        await platform.versions.references(flow.id, flow.published_version or "")
    return int(world.simulator.calls.report()["total"])


def world_organization(world: World):  # type: ignore[no-untyped-def]
    """The organisation's manifest as the passes read it."""
    from controller.reconcile.workspace import open_folder

    return open_folder(world.clone, world.settings).desired.organizations[0]


async def measure(flows: int) -> Cost:
    world, folder, duration_s = await deploy(flows, concurrency=4)
    world.simulator.calls.clear()
    await world.plan()
    calls = int(world.simulator.calls.report()["total"])
    peer_calls = await walk(world)
    await world.close()
    folder.cleanup()
    peer, peer_folder, peer_duration_s = await deploy(flows, concurrency=1)
    await peer.close()
    peer_folder.cleanup()
    return Cost(flows, calls, peer_calls, duration_s, peer_duration_s)


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    print("| flows | calls, no change | calls of a walk | ratio | first deployment | one at a time | ratio |")
    print("|--:|--:|--:|--:|--:|--:|--:|")
    for flows in SIZES:
        print(asyncio.run(measure(flows)).row())


if __name__ == "__main__":
    main()
