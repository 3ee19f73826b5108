"""What `penstock import` can and cannot bring under git, on both dialects."""

from __future__ import annotations

from controller.questions.importing import importable
from controller.reconcile.workspace import open_folder
from tests.support.dialects import BOTH
from tests.support.sources import inbound
from tests.support.world import ORGANIZATION, World

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
