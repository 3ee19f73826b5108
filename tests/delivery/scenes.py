"""Flows that several tests deliver."""

from __future__ import annotations

from controller.domain.identity import FlowKey
from tests.delivery.site import Site
from tests.support.sources import inbound, module

HOURS = FlowKey("commonmodule", "Hours")
DESK = FlowKey("inboundcall", "Desk")
FRONT = FlowKey("inboundcall", "Front")
OLD = {str(HOURS): "1.0", str(DESK): "1.0", str(FRONT): "1.0"}


def three(site: Site, says: str = "Hello", **front: object) -> None:
    """`front` transfers to `desk`, and both call the module `hours`."""
    site.want("front", inbound("Front", says=says, calls=["Hours"], transfers=["Desk"]), **front)
    site.want("desk", inbound("Desk", says=says, calls=["Hours"]))
    site.want("hours", module("Hours", says=says))
