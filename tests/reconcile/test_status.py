"""What `penstock status` tells is what a person needs who was just woken."""

from __future__ import annotations

from controller.delivery import Outcome
from controller.domain.status import Health
from controller.reconcile import PassReport, organization_status
from controller.reconcile.status import FlowStatus, OrganizationStatus
from tests.support.sources import inbound
from tests.support.world import World


async def look(world: World) -> tuple[PassReport, OrganizationStatus, FlowStatus]:
    """The pass, the organisation and its flow `front`."""
    report = await world.plan()
    status = organization_status(report, world.services.store)
    return report, status, next(flow for flow in status.flows if flow.flow == "front")


async def two_versions(world: World) -> None:
    for says in ("First", "Second"):
        world.flow("front", inbound("Front", says=says))
        world.commit()
        assert (await world.apply()).delivered


async def test_a_rollback_that_failed_says_what_it_wanted_why_it_failed_and_what_to_do(world: World) -> None:
    await two_versions(world)
    world.fault("publish-fails", match={"flow": "Front"})
    world.fault("job-fails", match={"flow": "Front"})

    failed = await world.rollback("front")
    report, status, front = await look(world)

    assert failed.result.outcome is Outcome.ROLLBACK_FAILED
    assert (status.health, front.health, report.health) == (Health.DEGRADED,) * 3
    assert "1.0 could not be brought back" in front.message
    assert front.message.endswith("publish 1.0 in Architect, or try again: penstock rollback front --to 1.0")
    world.simulator.faults.clear()
    assert (await world.rollback("front", version="1.0")).result.outcome is Outcome.ROLLED_BACK
    assert (await look(world))[2].health is Health.HEALTHY


async def test_after_a_rollback_it_is_said_who_asked_for_it_and_how_it_goes_on(world: World) -> None:
    await two_versions(world)
    await world.rollback("front")

    _, status, front = await look(world)

    assert (front.health, front.version, front.change) == (Health.HEALTHY, "1.0", "publish")
    assert (
        "rolled back from just this content (ada asked for 1.0); commit a change to it, or pass --retry"
        in front.message
    )
    assert status.last_sync is not None
    assert (status.last_sync.actor, status.last_sync.state.value) == ("ada", "rolled-back")


async def test_an_organisation_that_is_suspended_is_not_called_healthy(world: World) -> None:
    await two_versions(world)
    world.describe(suspend=True)
    world.commit()

    report, status, front = await look(world)

    assert (status.health, front.health, report.health) == (Health.SUSPENDED,) * 3
    assert front.message == "organisation acme is suspended (spec.suspend)"
    assert report.plan_or_raise().suspended == ("front",)


async def test_a_suspended_flow_is_told_beside_the_others(world: World) -> None:
    world.flow("aside", inbound("Aside"))
    await two_versions(world)
    world.flow("front", inbound("Front", says="Third"), suspend=True)
    world.commit()

    report, status, front = await look(world)

    assert (status.health, front.health) == (Health.SUSPENDED, Health.SUSPENDED)
    assert [flow.health for flow in status.flows] == [Health.HEALTHY, Health.SUSPENDED]
    assert report.plan_or_raise().suspended == ("front",)
