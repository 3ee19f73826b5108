"""docs/concepts/compared.md: Penstock and the calls of CX as Code on the same flows and organisation.

What a person sees of CX as Code is Terraform's; here it is the provider's calls, replayed (`provider.py`).
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.peers.published import PublishError
from tests.docs.test_requirements import functions_of
from tests.peers.provider import Provider
from tests.support.sources import inbound, module
from tests.support.world import World

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "concepts" / "compared.md").read_text(encoding="utf-8")
_ROWS = re.findall(r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \| (`[^|]+) \|$", PAGE, re.MULTILINE)
HOURS, FRONT = module("Hours"), inbound("Front", calls=["Hours"])


async def both_settled(world: World, beside: Provider) -> dict[str, str]:
    """Terraform has made both flows, and Penstock has adopted them; gives their ids."""
    ids = {"hours": await beside.publish(HOURS), "front": await beside.publish(FRONT)}
    world.flow("hours", HOURS)
    world.flow("front", FRONT)
    world.commit()
    await world.apply()
    assert world.versions() == {"commonmodule/Hours": "1.0", "inboundcall/Front": "1.0"}
    return ids


async def actions(world: World) -> list[tuple[str, str]]:
    return [(change.flow, change.kind.value) for change in (await world.plan()).plan_or_raise().actions]


async def test_what_a_person_published_is_drift_here_and_not_seen_by_a_refresh(world: World, beside: Provider) -> None:
    ids = await both_settled(world, beside)
    before = await beside.flow(ids["hours"])
    world.by_hand("publish", "commonmodule", "Hours", text=module("Hours", says="By hand"))

    assert await beside.flow(ids["hours"]) == before
    drift = (await world.plan()).plan_or_raise().drift
    assert [(each.flow, each.kind, each.actual) for each in drift] == [("hours", "version", "2.0")]


async def test_the_order_comes_from_the_flows_here_and_from_the_author_there(world: World, beside: Provider) -> None:
    world.flow("front", FRONT)
    world.flow("hours", HOURS)
    world.commit()

    with pytest.raises(PublishError, match="find 'commonmodule' by value of 'Hours' - no matches"):
        await beside.publish(FRONT)
    assert await actions(world) == [("hours", "create"), ("front", "create")]


async def test_callers_of_a_changed_module_are_published_again(world: World, beside: Provider) -> None:
    ids = await both_settled(world, beside)
    changed = module("Hours", says="Open on Sundays")
    await beside.publish(changed)
    bound = world.simulator.flow("inboundcall", "Front").published
    assert bound is not None
    assert bound.bindings == {ids["hours"]: "1.0"}

    world.flow("hours", changed)
    world.commit()
    assert ("front", "republish") in await actions(world)


async def test_a_failure_in_the_middle_is_rolled_back_here_and_stays_there(world: World, beside: Provider) -> None:
    await both_settled(world, beside)
    second = module("Hours", says="Second")
    world.fail_publishes_of("Front")
    await beside.publish(second)
    with pytest.raises(PublishError):
        await beside.publish(inbound("Front", says="Second", calls=["Hours"]))
    assert world.live("commonmodule", "Hours") == "2.0"

    world.flow("hours", module("Hours", says="Third"))
    world.flow("front", inbound("Front", says="Third", calls=["Hours"]))
    world.commit()
    report = await world.apply()
    assert report.result is not None
    assert {step.state.value for step in report.result.steps} >= {"rolled-back"}
    assert world.live("commonmodule", "Hours") == "2.0"


async def test_a_lock_is_in_the_plan_here_and_in_the_failed_job_there(world: World, beside: Provider) -> None:
    await both_settled(world, beside)
    world.by_hand("lock", "commonmodule", "Hours", person="Grace Hopper")
    changed = module("Hours", says="Second")
    world.flow("hours", changed)
    world.commit()

    with pytest.raises(PublishError, match="is locked by another entity"):
        await beside.publish(changed)
    held = [change.blocked for change in (await world.plan()).plan_or_raise().changes if change.flow == "hours"]
    assert [(each.code, "Grace Hopper" in each.message) for each in held if each] == [("flow-locked", True)]


async def test_a_new_name_is_a_rename_here_and_a_second_flow_there(world: World, beside: Provider) -> None:
    ids = await both_settled(world, beside)
    renamed = module("Opening Hours")
    assert await beside.publish(renamed) != ids["hours"]
    assert world.live("commonmodule", "Hours") == "1.0"

    world.by_hand("delete", "commonmodule", "Opening Hours")
    world.flow("hours", renamed)
    world.flow("front", inbound("Front", calls=["Opening Hours"]))
    world.commit()
    assert ("hours", "rename") in await actions(world)


def test_each_row_names_tests_that_exist() -> None:
    assert len(_ROWS) >= 12
    named = {name for row in _ROWS for name in re.findall(r"`([^`]+)`", row[3])}
    assert not [
        name for name in named if name.partition("::")[2] not in functions_of(ROOT / "tests" / name.partition("::")[0])
    ]


def test_each_row_tells_where_its_other_half_comes_from() -> None:
    """A number in brackets, and a source for it below the table."""
    sources = set(re.findall(r"^(\d+)\. ", PAGE, re.MULTILINE))
    for row in _ROWS:
        numbers = set(re.findall(r"\[(\d+)\]", row[2]))
        assert numbers, row[0]
        assert numbers <= sources, row[0]
