"""What many worlds begin with, and what a pass plans for it."""

from __future__ import annotations

from collections.abc import Mapping

from controller.reconcile.report import PassReport
from tests.support.played_once import played_once
from tests.support.sources import inbound, module
from tests.support.world import World


def kinds(report: PassReport) -> dict[str, str]:
    return {change.flow: change.kind.value for change in report.plan_or_raise().actions}


def three_flows(world: World) -> None:
    """`front` transfers to `desk`, and both call the module `hours`."""
    world.flow("hours", module("Hours"))
    world.flow("desk", inbound("Desk", calls=["Hours"]))
    world.flow("front", inbound("Front", calls=["Hours"], transfers=["Desk"]))


@played_once
async def three_flows_live(world: World, **others: str) -> None:
    three_flows(world)
    await _deliver(world, others)


@played_once
async def live(world: World, **flows: str) -> None:
    """Flows with these texts are delivered."""
    await _deliver(world, flows)


async def _deliver(world: World, flows: Mapping[str, str]) -> None:
    for flow, text in flows.items():
        world.flow(flow, text)
    world.commit()
    assert (await world.apply()).delivered


@played_once
async def two_versions_live(world: World, **others: str) -> None:
    """`front` was delivered twice, after the others."""
    await _deliver(world, {**others, "front": inbound("Front", says="First")})
    await _deliver(world, {"front": inbound("Front", says="Second")})
