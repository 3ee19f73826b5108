"""What failed its gate and is live still never looks well, and no later pass takes it for what was wanted."""

from __future__ import annotations

from controller.delivery.result import Outcome
from controller.delivery.sync_run import DeliveryEvent
from controller.domain.status import Health, SyncStatus
from tests.reconcile.scenes import live
from tests.support.dialects import BOTH
from tests.support.sources import inbound
from tests.support.world import Recording, World

GATE = {"errorRate": {"window": "10m", "minimumSamples": 5, "max": "10%", "onNoData": "fail"}}

pytestmark = BOTH


async def fail(world: World, **spec: object) -> Outcome:
    await live(world, desk=inbound("Desk"))
    world.flow("desk", inbound("Desk", says="New"), gates=[GATE], **spec)
    world.commit()
    report = await world.apply()
    assert report.result is not None
    return report.result.outcome


async def look(world: World) -> tuple[SyncStatus, Health, str]:
    [desk] = world.status(await world.plan()).flows
    return desk.sync, desk.health, desk.message


async def test_a_rollback_that_failed_stays_degraded_pass_after_pass(world: World) -> None:
    def close_the_way_back(event: DeliveryEvent) -> bool:
        if event.name == "change.failed":
            world.fault("publish-fails", match={"flow": "Desk"})
            world.fault("job-fails", match={"flow": "Desk"})
        return False

    await live(world, desk=inbound("Desk"))
    world.flow("desk", inbound("Desk", says="New"), gates=[GATE])
    world.commit()
    report = await world.apply(Recording(close_the_way_back))
    assert report.result is not None
    assert report.result.outcome is Outcome.ROLLBACK_FAILED

    for _ in range(2):
        assert not (await world.apply()).delivered

    assert (await look(world))[:2] == (SyncStatus.OUT_OF_SYNC, Health.DEGRADED)
    assert [each.key.name for each in world.services.store.quarantines.active("acme")] == ["Desk"]


async def test_what_a_manifest_leaves_live_is_degraded_until_a_person_takes_it_back(world: World) -> None:
    assert await fail(world, rollback="manual") is Outcome.FAILED

    sync, health, message = await look(world)
    assert (sync, health) == (SyncStatus.OUT_OF_SYNC, Health.DEGRADED)
    assert message.endswith("2.0 was left live: take it back with `penstock rollback desk`")
    assert not (await world.apply()).delivered
    assert (await look(world))[1] is Health.DEGRADED
    await world.rollback("desk")
    assert world.versions() == {"inboundcall/Desk": "1.0"}
    assert (await look(world))[1] is Health.HEALTHY


async def test_a_person_can_let_it_stay(world: World) -> None:
    await fail(world, rollback="manual")
    world.manifest("desk", type="inboundcall", name="Desk", source={"version": "2.0"})
    world.commit()

    await world.apply(retry=True)

    assert world.versions() == {"inboundcall/Desk": "2.0"}
    assert (await look(world))[:2] == (SyncStatus.SYNCED, Health.HEALTHY)


async def test_a_first_version_that_was_left_live_has_no_way_back_but_by_hand(world: World) -> None:
    world.flow("desk", inbound("Desk"), gates=[GATE], rollback="manual")
    world.commit()
    await world.apply()

    sync, health, message = await look(world)

    assert (sync, health) == (SyncStatus.OUT_OF_SYNC, Health.DEGRADED)
    assert message.endswith("1.0 was left live: unpublish it in Architect")
