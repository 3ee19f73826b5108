"""An approval is for what a plan does: it survives what changes nothing, and nothing else."""

from __future__ import annotations

from controller.questions.decisions import approve_plan
from controller.reconcile.workspace import open_folder
from tests.safety.test_workers import running
from tests.support.sources import inbound
from tests.support.world import World, said


async def test_a_commit_that_asks_for_the_same_makes_no_other_plan(world: World) -> None:
    world.flow("front", inbound("Front"))
    world.commit()
    first = (await world.plan()).plan_or_raise()
    (world.clone / "artifacts").mkdir()
    (world.clone / "artifacts" / "note.txt").write_text("from another organisation's delivery")
    world.commit("Record another organisation")
    second = (await world.plan()).plan_or_raise()

    assert (first.digest, first.revision != second.revision) == (second.digest, True)

    world.flow("front", inbound("Front", says="Something else"))
    world.commit()
    assert (await world.plan()).plan_or_raise().digest != first.digest


async def test_a_policy_that_changed_makes_another_plan(world: World) -> None:
    world.flow("front", inbound("Front"))
    world.commit()
    first = (await world.plan()).plan_or_raise()
    world.describe(sync={"onFailure": "halt"})
    world.commit()

    assert (await world.plan()).plan_or_raise().digest != first.digest


async def test_the_service_carries_out_a_plan_that_a_person_saw_at_a_later_revision(world: World) -> None:
    world.describe(sync={"mode": "manual"})
    world.flow("front", inbound("Front"))
    world.commit()
    asked = open_folder(world.clone, world.settings)
    (world.clone / "artifacts").mkdir()
    (world.clone / "artifacts" / "note.txt").write_text("from another organisation's delivery")
    world.commit("Record another organisation")
    approve_plan(world.services, "acme", (await world.plan()).plan_or_raise().digest, by="ada")

    async with running(world.services) as service:
        service.feed.give(asked)
        await service.until(world.publishes, "the approved plan is carried out")


async def test_an_approval_confirms_the_removals_that_the_plan_names(world: World) -> None:
    world.describe(sync={"prune": True})
    world.flow("front", inbound("Front"))
    world.flow("aside", inbound("Aside"))
    world.commit()
    await world.apply()
    world.remove("aside")
    world.commit()
    refused = await world.apply(confirmations=said(approved_digest="sha256:" + "0" * 64))
    assert refused.error is not None
    approve_plan(world.services, "acme", refused.plan_or_raise().digest, by="ada")

    assert (await world.apply()).delivered
    assert world.live("inboundcall", "Aside") is None
