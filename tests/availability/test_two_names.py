"""Two controllers serve two folders of a repository whose manifests name the same organisation differently."""

from __future__ import annotations

from tests.availability.rivals import Rivals
from tests.support.organizations import names
from tests.support.service import eventually
from tests.support.sources import inbound, module

FOLDERS = {"east": "hours", "west": "front"}


def settle(rivals: Rivals) -> None:
    """`east` asks for the module, `west` for the flow; each controller looks at a folder of its own."""
    world = rivals.world
    for flow, source in (("hours", module("Hours")), ("front", inbound("Front"))):
        world.flow(flow, source, rollout={"bake": "1s"})
    names(world, **{folder: [flow] for folder, flow in FOLDERS.items()})
    for service, folder in zip((rivals.one, rivals.other), FOLDERS, strict=True):
        # They look often, so that they meet.
        often = {"PENSTOCK_POLL_INTERVAL": "0.3", "PENSTOCK_DRIFT_INTERVAL": "1"}
        service.environment |= {"PENSTOCK_MANIFESTS": folder, **often}


def wish(rivals: Rivals, says: str) -> None:
    """Commit new content for both flows."""
    for flow, source in (("hours", module("Hours", says=says)), ("front", inbound("Front", says=says))):
        (rivals.world.clone / "flows" / f"{flow}.yaml").write_text(source)
    rivals.world.commit()


async def test_two_names_of_one_organisation_are_served_in_turn_and_never_at_the_same_time(rivals: Rivals) -> None:
    settle(rivals)
    wish(rivals, "version 1")
    rivals.one.start()
    rivals.other.start()
    number = 1
    eventually(rivals.delivered("1.0"), "the first delivery")
    while number < 3 or not any("lease-held" in each.log.read_text() for each in (rivals.one, rivals.other)):
        assert number < 15, "the two never met"
        number += 1
        wish(rivals, f"version {number}")
        eventually(rivals.delivered(f"{number}.0"), f"delivery {number}")

    versions = [f"{each}.0" for each in range(1, number + 1)]
    for client, flow in (("one", "Hours"), ("other", "Front")):
        found = [(by, version) for _, by, name, version in rivals.publishes() if name == flow]
        assert found == [(client, version) for version in versions]
    rivals.assert_one_writer_at_a_time()
    assert rivals.one.stop() == 0
    assert rivals.other.stop() == 0
