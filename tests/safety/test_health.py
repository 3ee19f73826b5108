"""A rollback that failed is told until somebody mended it, by every way of asking."""

from __future__ import annotations

from controller.delivery.result import Outcome
from controller.domain.errors.organization import Unreachable
from controller.domain.status import Health, SyncStatus
from controller.reconcile.report import PassReport
from controller.service.board import Board
from controller.simulator.faults import Fault
from controller.store.records import NewSync, SyncState
from tests.support.played_once import played_once
from tests.support.sources import inbound
from tests.support.world import World

FAILING_GATE = [{"errorRate": {"window": "1m", "minimumSamples": 500, "max": 1, "onNoData": "fail"}}]


@played_once
async def degraded(world: World) -> None:
    """`front` is live with a version that its gate did not pass, and no way back worked."""
    world.flow("front", inbound("Front"))
    world.commit()
    await world.apply()
    world.flow("front", inbound("Front", says="Second"), gates=FAILING_GATE)
    world.commit()
    world.simulator.set_faults(
        Fault.model_validate({"name": "publish", "kind": "publish-fails", "match": {"flow": "Front"}}),
        Fault.model_validate({"name": "upload", "kind": "job-fails", "match": {"flow": "Front"}, "nth": 2}),
    )
    report = await world.apply()
    assert report.result.outcome is Outcome.ROLLBACK_FAILED
    world.simulator.faults.clear()


def told(world: World, report: PassReport) -> set[Health]:
    """What the report, the service's board and the status command say."""
    board = Board(world.clock)
    board.post(report)
    return {report.health, board.entries()[0].health, world.status(report).health}


async def test_a_flow_that_could_not_be_rolled_back_stays_degraded_until_it_is_mended(world: World) -> None:
    await degraded(world)

    for _ in range(2):
        assert told(world, await world.apply()) == {Health.DEGRADED}
    await world.restart()
    assert told(world, await world.plan()) == {Health.DEGRADED}

    world.flow("front", inbound("Front", says="Third"))
    world.commit()
    mended = await world.apply()

    assert mended.delivered, mended.error
    assert told(world, mended) == {Health.HEALTHY}


async def test_bringing_the_old_version_back_by_hand_mends_it(world: World) -> None:
    await degraded(world)
    world._publish_by_hand(world.simulator.flow("inboundcall", "Front").key, "1.0")

    assert told(world, await world.plan()) == {Health.HEALTHY}


async def test_many_later_deliveries_do_not_hide_it(world: World) -> None:
    await degraded(world)
    for number in range(60):
        lease = world.services.store.leases.acquire("acme", "controller-a")
        sync = NewSync("acme", f"r{number}", "sha256:0", "ada", "test", "halt")
        record = world.services.store.journal.begin(lease, sync, [])
        world.services.store.journal.finish(lease, record.id, SyncState.SUCCEEDED, {})

    assert told(world, await world.plan()) == {Health.DEGRADED}


def test_an_organisation_whose_first_pass_lasts_is_listed_as_unknown(world: World) -> None:
    board = Board(world.clock)
    board.follow("default").revision = "c0ffee"
    board.joined = True
    board.expect(["acme"], ["acme"])

    [entry] = board.entries()
    assert (entry.organization, entry.status, board.ready) == ("acme", SyncStatus.UNKNOWN, False)
    board.post_fault("acme", Unreachable("it does not answer"))
    assert board.ready
