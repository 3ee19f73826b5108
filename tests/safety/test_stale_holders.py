"""A controller that was paused past its lease writes nothing any more, to the organisation or to git."""

from __future__ import annotations

from controller.delivery.sync_run import DeliveryEvent
from controller.domain.errors.delivery import LeaseLost
from controller.store.leases import Lease
from tests.support.dialects import BOTH
from tests.support.organizations import identity_of, writes_to
from tests.support.sources import inbound
from tests.support.world import RECORDS, Recording, World


def remote_head(world: World) -> str:
    return world.git("ls-remote", "origin", "refs/heads/main", f"refs/heads/{RECORDS}")


def taken_over(world: World) -> Lease:
    """Time passes the lease's end, and another controller takes it."""
    world.clock.advance(world.settings.lease_ttl + 1)
    return world.services.store.leases.acquire(identity_of(world), "another")


async def test_what_was_delivered_before_the_lease_was_lost_is_recorded_by_the_next_holder(world: World) -> None:
    world.flow("front", inbound("Front"))
    world.commit()
    before = remote_head(world)
    taken: list[Lease] = []

    def pause(event: DeliveryEvent) -> bool:
        if event.name == "sync.finished":
            taken.append(taken_over(world))
        return False

    report = await world.apply(listener=Recording(pause))

    assert isinstance(report.error, LeaseLost)
    assert remote_head(world) == before
    world.services.store.leases.release(taken[0])
    again = await world.apply()
    assert again.error is None
    assert remote_head(world) != before
    await world.assert_settled()


@BOTH
async def test_a_call_that_was_announced_in_time_and_sent_too_late_does_not_leave(world: World) -> None:
    """The pause falls between the journal's intent and the call."""
    world.flow("front", inbound("Front"))
    world.commit()
    before: list[int] = []
    taken: list[Lease] = []

    def pause(event: DeliveryEvent) -> bool:
        if event.name == "write.intended" and not taken:
            before.append(writes_to(world.simulator))
            taken.append(taken_over(world))
        return False

    report = await world.apply(listener=Recording(pause))

    assert isinstance(report.error, LeaseLost)
    assert [writes_to(world.simulator)] == before
    world.services.store.leases.release(taken[0])
    assert (await world.apply()).delivered
    assert world.publishes() == ["inboundcall/Front"]
    await world.assert_settled()
