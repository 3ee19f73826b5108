"""Three flows that call each other, and what a pass plans for them."""

from __future__ import annotations

from controller.reconcile.report import PassReport
from tests.support.sources import inbound, module
from tests.support.world import World


def kinds(report: PassReport) -> dict[str, str]:
    return {change.flow: change.kind.value for change in report.plan_or_raise().actions}


def three_flows(world: World) -> None:
    """`front` transfers to `desk`, and both call the module `hours`."""
    world.flow("hours", module("Hours"))
    world.flow("desk", inbound("Desk", calls=["Hours"]))
    world.flow("front", inbound("Front", calls=["Hours"], transfers=["Desk"]))
