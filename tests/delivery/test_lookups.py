"""Flows that are created together are looked up together, right before each upload; what is there is never missed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest

from controller.delivery.lookups import Lookups
from controller.delivery.result import Outcome
from controller.delivery.sync_run import DeliveryEvent
from controller.domain.desired import OnFailure
from controller.domain.errors.organization import ServerFault
from controller.domain.identity import FlowKey
from controller.domain.live import LiveFlow
from controller.domain.platform import FlowListing
from controller.genesys.architect.flows import ArchitectFlows
from controller.genesys.connect import ArchitectPlatform
from controller.planning.model import Plan
from controller.simulator.control import UserEdit, person, publish
from tests.delivery.site import Site, states
from tests.support.sources import inbound

COUNT = 20
LISTED = "/api/v2/flows"
DESK, OLD_DESK, OTHER = (FlowKey("inboundcall", name) for name in ("F7", "Old desk", "Other"))


@pytest.fixture
async def plan(site: Site) -> Plan:
    """All flows are new."""
    site.policy(OnFailure.ROLLBACK_FLOW)
    for number in range(COUNT):
        site.want(f"f{number}", inbound(f"F{number}"))
    made = await site.plan()
    site.simulator.calls.clear()
    return made


def by_name(site: Site) -> int:
    """Lookups of one name."""
    return sum("name=" in call.query for call in site.simulator.calls.log("GET", LISTED))


def of_all(site: Site) -> int:
    """Calls for listings of all flows."""
    queries = [call.query for call in site.simulator.calls.log("GET", LISTED)]
    return sum("name=" not in query and "publishedAfter" not in query for query in queries)


def published_by_hand(site: Site, key: FlowKey) -> None:
    """A person creates a flow and publishes it."""
    now, who = site.simulator.clock.now(), person(site.simulator.organization, "Grace")
    flow = site.simulator.organization.create(key, who, now)
    publish(site.simulator.organization, UserEdit(flow, who, inbound(key.name, says="Theirs")), now)


def renamed_by_hand(site: Site) -> None:
    """A person gives a flow that was live before the plan the name of one that is created."""
    site.simulator.organization.rename(site.simulator.flow(OLD_DESK.type, OLD_DESK.name), DESK.name)


def after_registering(flow: str, act: Callable[[], None]) -> Callable[[DeliveryEvent], bool]:
    """Between the registration of a flow's upload and the upload."""

    def heard(event: DeliveryEvent) -> bool:
        if (event.flow, event.name, event.fields.get("action")) == (flow, "write.concluded", "register"):
            act()
        return False

    return heard


async def test_flows_that_are_created_together_are_never_looked_up_by_name(site: Site, plan: Plan) -> None:
    result = await site.deliver(plan)
    assert result.outcome is Outcome.SUCCEEDED
    assert by_name(site) == 0
    assert of_all(site) <= COUNT / 2


async def test_a_few_new_flows_are_looked_up_one_by_one(site: Site) -> None:
    """An organisation may have thousands of flows: a listing of them takes more calls than it saves."""
    for number in range(3):
        site.want(f"f{number}", inbound(f"F{number}"))
    plan = await site.plan()
    site.simulator.calls.clear()
    await site.deliver(plan)
    assert (by_name(site), of_all(site)) == (3, 0)


async def test_a_flow_that_a_person_creates_right_before_the_upload_is_left_alone(site: Site, plan: Plan) -> None:
    site.crash_when = after_registering("f7", lambda: published_by_hand(site, DESK))
    result = await site.deliver(plan)
    assert states(result)["f7"] == "failed"
    assert [step.error.code for step in result.steps if step.error] == ["plan-stale"]
    assert [line for line in site.publishes() if line.startswith(str(DESK))] == [f"{DESK} 1.0"]


async def test_a_live_flow_that_a_person_renames_right_before_the_upload_is_left_alone(site: Site, plan: Plan) -> None:
    """Nothing was published, so only a listing of all flows shows it."""
    published_by_hand(site, OLD_DESK)
    site.clock.advance(3600)
    site.crash_when = after_registering("f7", lambda: renamed_by_hand(site))
    result = await site.deliver(plan)
    assert states(result)["f7"] == "failed"
    assert site.live()[str(DESK)] == "1.0"


async def test_a_listing_of_many_pages_is_not_read_again_for_a_single_lookup(site: Site, plan: Plan) -> None:
    published_by_hand(site, OTHER)
    published_by_hand(site, OLD_DESK)
    assert isinstance(site.platform, ArchitectPlatform)
    transport = site.platform.transport
    transport.settings = replace(transport.settings, page_size=1)
    one_at_a_time = replace(site.organization.sync, concurrency=1)
    site.organization = replace(site.organization, sync=one_at_a_time)
    result = await site.deliver(plan)
    assert result.outcome is Outcome.SUCCEEDED
    assert of_all(site) <= 2, "the first one takes two calls"
    assert by_name(site) == COUNT - 1, "one name for each call that the listing took is worth another one"


class Silent(ArchitectFlows):
    """An organisation that does not answer a listing of all flows."""

    async def listing(self, *, fresh: bool = False) -> FlowListing:
        raise ServerFault(f"no listing, fresh or not: {fresh}")


class Partial(ArchitectFlows):
    """An organisation whose listing of all flows is cut short."""

    async def listing(self, *, fresh: bool = False) -> FlowListing:
        return replace(await super().listing(fresh=fresh), flows=(), complete=False)


@pytest.mark.parametrize("reader", [Silent, Partial])
async def test_without_a_complete_listing_each_name_is_looked_up(
    site: Site, plan: Plan, reader: type[ArchitectFlows]
) -> None:
    assert isinstance(site.platform, ArchitectPlatform)
    site.platform.flows = reader(site.platform.transport)
    site.crash_when = after_registering("f7", lambda: published_by_hand(site, DESK))
    result = await site.deliver(plan)
    assert states(result)["f7"] == "failed"
    assert by_name(site) == COUNT


def lookups() -> Lookups:
    made = Lookups(lambda: None)
    made.expect(COUNT)
    return made


async def begun(waiting: Coroutine[Any, Any, bool]) -> asyncio.Task[bool]:
    task = asyncio.create_task(waiting)
    await asyncio.sleep(0)
    return task


async def test_lookups_that_wait_are_told_when_no_listing_will_come() -> None:
    sync = lookups()
    with sync.answering():
        waiting = await begun(sync.absent(DESK))
        assert sync.waiting
    assert not await waiting
    assert not await sync.absent(DESK)


async def test_a_listing_answers_only_lookups_that_came_before_it() -> None:
    sync = lookups()
    with sync.answering():
        first = await begun(sync.absent(DESK))
        taken = sync.take()
        second = await begun(sync.absent(DESK))
        sync.answer(taken, FlowListing([]))
        assert await first
        assert not second.done()
        sync.answer(sync.take(), FlowListing([LiveFlow("7", DESK, "1.0")]))
        assert not await second


async def test_a_cancelled_lookup_does_not_wait() -> None:
    sync = lookups()
    with sync.answering():
        waiting = await begun(sync.absent(DESK))
        waiting.cancel()
        await asyncio.wait([waiting])
        assert not sync.waiting
