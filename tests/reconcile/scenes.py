"""What many worlds begin with, and what a pass plans for it."""

from __future__ import annotations

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
    for flow, text in others.items():
        world.flow(flow, text)
    world.commit()
    assert (await world.apply()).delivered


@played_once
async def live(world: World, **flows: str) -> None:
    """Flows with these texts are delivered."""
    for flow, text in flows.items():
        world.flow(flow, text)
    world.commit()
    assert (await world.apply()).delivered


@played_once
async def two_versions_live(world: World, **others: str) -> None:
    """`front` was delivered twice, after the others."""
    for flow, text in others.items():
        world.flow(flow, text)
    for says in ("First", "Second"):
        world.flow("front", inbound("Front", says=says))
        world.commit()
        assert (await world.apply()).delivered
