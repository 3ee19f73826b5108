"""A caller keeps the versions of modules and bots that were live when it was published, and follows them."""

from __future__ import annotations

import pytest

from controller.domain.identity import FlowKey
from controller.domain.recorded import RecordedFlow
from tests.support.dialects import BOTH
from tests.support.sources import bot, inbound, module
from tests.support.world import World


def bound(world: World) -> dict[str, str]:
    """Name to version of what the live version of `Front` keeps."""
    flows = {flow.id: flow.key.name for flow in world.simulator.organization.flows()}
    published = world.simulator.flow("inboundcall", "Front").published
    return {flows[id_]: version for id_, version in published.bindings.items()}


async def recorded_front(world: World) -> RecordedFlow:
    recorded = (await world.plan()).recorded
    return recorded.flows[FlowKey("inboundcall", "Front")]


async def test_a_caller_of_a_bot_is_published_again_after_it(world: World) -> None:
    world.flow("front", inbound("Front", bots=["Clerk"]))
    world.flow("clerk", bot("Clerk"))
    world.commit()
    await world.apply()
    world.flow("clerk", bot("Clerk", says="New"))
    world.commit()

    plan = (await world.plan()).plan_or_raise()
    await world.apply()

    assert [(change.flow, change.kind.value) for change in plan.actions] == [
        ("clerk", "publish"),
        ("front", "republish"),
    ]
    assert bound(world) == {"Clerk": "2.0"}
    await world.assert_settled()


async def test_where_policy_says_so_the_callers_of_a_bot_are_left_as_they_are(world: World) -> None:
    """Those of a module are published again all the same."""
    world.describe(botCallers="keep")
    world.flow("front", inbound("Front", bots=["Clerk"]))
    world.flow("side", inbound("Side", calls=["Hours"]))
    world.flow("clerk", bot("Clerk"))
    world.flow("hours", module("Hours"))
    world.commit()
    await world.apply()
    world.flow("clerk", bot("Clerk", says="New"))
    world.flow("hours", module("Hours", says="New"))
    world.commit()

    plan = (await world.plan()).plan_or_raise()
    await world.apply()

    assert {(change.flow, change.kind.value) for change in plan.actions} == {
        ("clerk", "publish"),
        ("hours", "publish"),
        ("side", "republish"),
    }
    await world.assert_settled()


@pytest.mark.parametrize(
    ("kind", "calls", "text"),
    [("commonmodule", "calls", module("Helper")), ("bot", "bots", bot("Helper"))],
)
async def test_a_caller_follows_what_no_manifest_names_and_somebody_moved_by_hand(
    world: World, kind: str, calls: str, text: str
) -> None:
    (world.clone / "flows").mkdir()
    (world.clone / "flows" / "helper.yaml").write_text(text)
    world.publish_all_by_hand()
    world.flow("front", inbound("Front", **{calls: ["Helper"]}))  # type: ignore[arg-type]
    world.commit()
    await world.apply()
    await world.assert_settled()
    world.by_hand("publish", kind, "Helper", text)

    report = await world.apply()

    (change,) = report.plan_or_raise().actions
    assert (change.flow, change.kind.value) == ("front", "republish")
    assert f"{kind}/Helper is 2.0 (bound to 1.0)" in change.reason
    assert bound(world) == {"Helper": "2.0"}
    await world.assert_settled()


@BOTH
async def test_the_lock_file_tells_the_versions_that_a_caller_keeps_also_after_a_rollback(world: World) -> None:
    world.flow("front", inbound("Front", calls=["Hours"], bots=["Clerk"]))
    world.flow("hours", module("Hours"))
    world.flow("clerk", bot("Clerk"))
    world.commit()
    await world.apply()
    before = await recorded_front(world)
    world.flow("front", inbound("Front", says="New", calls=["Hours"]))
    world.commit()
    await world.apply()

    await world.rollback("front")

    front = await recorded_front(world)
    assert (before.version, front.version) == ("1.0", "1.0")
    assert {str(key): version for key, version in front.consumed.items()} == {
        "bot/Clerk": "1.0",
        "commonmodule/Hours": "1.0",
    }
    assert front.dependency_digest == before.dependency_digest
