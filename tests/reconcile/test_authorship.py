"""Who moved a flow past git, and when: plan and status name them, and only flows that moved are asked about."""

from __future__ import annotations

import pytest

from controller.reconcile.observe import MOST_ASKED
from controller.reconcile.report import PassReport
from controller.simulator import publishing
from controller.simulator.flow import Actor
from tests.reconcile.scenes import live
from tests.support.dialects import BOTH
from tests.support.sources import inbound
from tests.support.world import World

ASKED, READ = "/api/v2/flows/{flowId}/history", "/api/v2/flows/{flowId}/history/{historyId}"


async def delivered(world: World) -> None:
    await live(world, desk=inbound("Desk"), front=inbound("Front"))
    world.clock.advance(3600)


def told(report: PassReport) -> list[str]:
    return [drift.message for drift in report.plan_or_raise().drift]


def histories(world: World) -> tuple[int, int]:
    return world.simulator.calls.count("POST", ASKED), world.simulator.calls.count("GET", READ)


@BOTH
async def test_a_person_who_published_past_git_is_named_with_the_time(world: World) -> None:
    await delivered(world)
    at = f"{world.clock.now():%Y-%m-%d %H:%M} UTC"
    world.by_hand("publish", "inboundcall", "Desk", person="Grace Hopper")
    world.clock.advance(3600)

    report = await world.plan()

    [message] = told(report)
    assert message.startswith(f"version 2.0 of inboundcall/Desk was published by Grace Hopper at {at}; ")
    assert message.endswith("; 1.0 is recorded")
    assert world.status(report).drift == (message,)


async def test_a_client_that_published_an_older_version_is_named_and_not_the_versions_author(world: World) -> None:
    await delivered(world)
    world.by_hand("publish", "inboundcall", "Desk", person="Grace Hopper")
    world.by_hand("publish", "inboundcall", "Desk", person="Grace Hopper")
    flow, now = world.simulator.flow("inboundcall", "Desk"), world.clock.now()
    version = world.simulator.organization.version(flow, "2.0")
    bot = Actor("client-7", "ci-bot", person=False)
    publishing.go_live(world.simulator.organization, flow, version, bot, now)

    [message] = told(await world.plan())

    assert "version 2.0 of inboundcall/Desk was published by ci-bot at 2026-" in message


async def test_who_unpublished_a_flow_is_named(world: World) -> None:
    await delivered(world)
    world.by_hand("unpublish", "inboundcall", "Front", person="Grace Hopper")

    [message] = told(await world.plan())

    assert message.startswith("inboundcall/Front was unpublished by Grace Hopper at 2026-")


async def test_only_flows_that_moved_are_asked_about(world: World) -> None:
    await delivered(world)
    await world.plan()
    assert histories(world) == (0, 0)

    world.by_hand("publish", "inboundcall", "Desk")
    await world.plan()

    assert histories(world) == (1, 1)


async def test_where_everything_moved_a_look_asks_about_so_many_and_no_more(world: World) -> None:
    names = [f"Desk {number}" for number in range(MOST_ASKED + 5)]
    for name in names:
        world.flow(name.replace(" ", "-").lower(), inbound(name))
    world.publish_all_by_hand()
    world.commit()
    assert (await world.apply()).delivered
    for name in names:
        world.by_hand("publish", "inboundcall", name)

    messages = told(await world.plan())

    assert len(messages) == MOST_ASKED + 5
    assert all("was published by Ada" in message for message in messages)
    assert histories(world) == (MOST_ASKED, MOST_ASKED)


@pytest.mark.parametrize("fault", ["http-5xx", "missing-field"])
async def test_a_history_that_cannot_be_read_costs_no_plan(world: World, fault: str) -> None:
    await delivered(world)
    world.by_hand("unpublish", "inboundcall", "Front")
    world.fault(fault, match={"method": "POST", "route": ASKED})

    [message] = told(await world.plan())

    assert message == "inboundcall/Front was unpublished by hand; version 1.0 is recorded"


async def test_who_moved_a_flow_is_no_part_of_what_a_plan_is(world: World) -> None:
    """An approval holds where the history was read at one time and not at another."""
    await delivered(world)
    world.by_hand("unpublish", "inboundcall", "Front")
    known = (await world.plan()).plan_or_raise()
    world.fault("http-5xx", match={"method": "POST", "route": ASKED})
    unknown = (await world.plan()).plan_or_raise()

    assert known.drift != unknown.drift
    assert known.digest == unknown.digest
