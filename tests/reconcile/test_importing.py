"""What `penstock import` can and cannot bring under git, on both dialects."""

from __future__ import annotations

from controller.domain.capabilities import ARCHITECT
from controller.questions.importing import importable
from controller.reconcile.workspace import open_folder
from tests.support.dialects import BOTH
from tests.support.sources import inbound
from tests.support.world import ORGANIZATION, Recording, World

pytestmark = BOTH


async def test_a_type_that_manifests_do_not_know_is_skipped_and_the_others_are_brought_in(world: World) -> None:
    """The Platform API names more types than Archy has roots, such as SPEECH."""
    for name in ("Front", "Newer"):
        key, version = world._check_in(inbound(name))
        world._publish_by_hand(key, version)
    world.simulator.flow("inboundcall", "Newer").type = "speech"
    organization = open_folder(world.clone, world.settings).organization(ORGANIZATION)

    front, newer = await importable(world.services, organization, ())

    assert (front.key.name, front.skipped) == ("Front", "")
    assert (newer.key.type, newer.files) == ("speech", {})
    assert newer.skipped


async def test_many_flows_are_imported_with_few_jobs(world: World) -> None:
    """On the architect dialect each would take five calls alone; elsewhere an import takes none for each flow."""
    for number in range(60):
        key, version = world._check_in(inbound(f"Front {number}"))
        world._publish_by_hand(key, version)
    organization = open_folder(world.clone, world.settings).organization(ORGANIZATION)
    world.simulator.calls.clear()
    listener = Recording()

    found = await importable(world.services, organization, (), listener)

    assert [each.skipped for each in found] == [""] * 60
    exported = [estimate.flows for estimate in listener.estimates]
    assert exported == ([60] if world.dialect == ARCHITECT else [])
    assert world.simulator.calls.report()["total"] <= 15
