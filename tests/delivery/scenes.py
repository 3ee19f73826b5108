"""Flows that several tests deliver."""

from __future__ import annotations

from controller.domain.identity import FlowKey
from tests.delivery.site import Site
from tests.support.sources import inbound, module

HOURS = FlowKey("commonmodule", "Hours")
DESK = FlowKey("inboundcall", "Desk")
FRONT = FlowKey("inboundcall", "Front")
OLD = {str(HOURS): "1.0", str(DESK): "1.0", str(FRONT): "1.0"}


def three_versions(site: Site) -> None:
    """`desk` has versions 1.0 and 2.0 that were live, 2.0 is, and a draft 3.0; no delivery made them."""
    folder = site.folder / "flows"
    folder.mkdir()
    (folder / "desk.yaml").write_text(inbound("Desk", says="First"))
    site.simulator.load_folder(folder)
    site.by_hand("publish", DESK, inbound("Desk", says="Second"))
    site.by_hand("checkin", DESK, inbound("Desk", says="Third"))


def three(site: Site, says: str = "Hello", **front: object) -> None:
    """`front` transfers to `desk`, and both call the module `hours`."""
    site.want("front", inbound("Front", says=says, calls=["Hours"], transfers=["Desk"]), **front)
    site.want("desk", inbound("Desk", says=says, calls=["Hours"]))
    site.want("hours", module("Hours", says=says))
