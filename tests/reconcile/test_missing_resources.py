"""What a flow needs of its organisation is looked up before it is published: once, and only then."""

from __future__ import annotations

import json

import pytest

from controller.planning.model import Change
from controller.planning.rendering.document import plan_json
from controller.reconcile.pass_ import SERVICE
from controller.reconcile.report import PassReport
from tests.support.needy import NEEDY, QUEUE_LINE, needy
from tests.support.resource_server import Resources
from tests.support.world import ORGANIZATION, World


@pytest.fixture
async def resources(world: World) -> Resources:
    """What the organisation has; the rest of it is the simulator's."""
    found = Resources(behind=world.http)
    found.names |= {"queue": ["Sales"], "data-action": ["CRM / Look up"]}
    world.http = found  # type: ignore[assignment]
    await world.restart()
    return found


@pytest.fixture
async def front(world: World, resources: Resources) -> World:
    world.flow("front", needy("Front"))
    world.commit()
    return world


def change(report: PassReport) -> Change:
    (found,) = report.plan_or_raise().actions
    return found


async def test_a_missing_queue_blocks_the_plan_and_the_delivery_writes_nothing(
    front: World, resources: Resources
) -> None:
    resources.names["queue"] = ["Sails"]

    blocked = change(await front.plan()).blocked
    assert blocked is not None
    assert blocked.code == "missing-resource"
    assert f"queue 'Sales' (flows/front.yaml:{QUEUE_LINE}:19, did you mean 'Sails'?)" in blocked.message

    report = await front.apply()
    assert report.result is None
    assert front.publishes() == []


async def test_json_tells_each_missing_resource_with_its_place(front: World, resources: Resources) -> None:
    resources.names |= {"queue": [], "data-action": ["CRM / Look it up"]}
    [organization] = json.loads(plan_json([(await front.plan()).plan_or_raise()]))["organizations"]
    queue, action = organization["changes"][0]["missing_resources"]
    assert queue == {
        "kind": "queue",
        "name": "Sales",
        "parts": [],
        "file": "flows/front.yaml",
        "line": QUEUE_LINE,
        "column": 19,
        "path": "inboundCall.tasks[0].task.actions[0].transferToAcd.targetQueue",
        "close": None,
    }
    assert (action["name"], action["close"]) == ("CRM / Look up", "CRM / Look it up")


async def test_each_kind_costs_one_call_and_a_pass_at_rest_none(front: World, resources: Resources) -> None:
    await front.apply()
    assert resources.calls == {"queue": 1, "data-action": 1}

    resources.calls.clear()
    await front.assert_settled()
    await front.apply()
    assert resources.calls == {}


async def test_a_change_of_one_flow_asks_only_for_its_kinds(front: World, resources: Resources) -> None:
    await front.apply()
    await front.restart()
    resources.calls.clear()
    front.flow("back", "workflow:\n  name: Back\n  description: it needs nothing\n")
    front.commit()
    await front.apply()
    assert resources.calls == {}


async def watched(world: World) -> PassReport:
    """A pass that the controller makes by itself."""
    return await world.apply(actor=SERVICE, watches=True)


async def test_the_controller_asks_again_after_the_interval_and_then_delivers(
    front: World, resources: Resources
) -> None:
    resources.names["queue"] = []
    assert change(await watched(front)).blocked is not None
    resources.names["queue"] = ["Sales"]

    await front.clock.sleep(60)
    assert change(await watched(front)).blocked is not None
    assert resources.calls["queue"] == 1

    await front.clock.sleep(300)
    assert (await watched(front)).delivered
    assert resources.calls["queue"] == 2
    assert front.publishes() == ["inboundcall/Front"]


async def test_a_person_who_waits_is_not_refused_because_of_an_earlier_look(front: World, resources: Resources) -> None:
    resources.names["queue"] = []
    assert change(await watched(front)).blocked is not None
    resources.names["queue"] = ["Sales"]

    await front.clock.sleep(1)
    assert (await front.apply(actor="ada")).delivered


async def test_an_approved_plan_is_not_refused_because_of_an_earlier_look(front: World, resources: Resources) -> None:
    resources.names["queue"] = []
    seen = (await watched(front)).plan_or_raise()
    front.services.store.approvals.give(ORGANIZATION, seen.digest, by="ada")
    resources.names["queue"] = ["Sales"]

    await front.clock.sleep(1)
    assert change(await front.plan(actor=SERVICE, watches=True)).blocked is None


@pytest.mark.parametrize("status", [403, 404, 405])
async def test_a_refused_listing_is_said_once_and_nothing_is_blocked(
    front: World, resources: Resources, status: int
) -> None:
    resources.refused["queue"] = status
    front.flow("back", needy("Back", "Sails"))
    front.commit()
    plan = (await front.plan()).plan_or_raise()
    assert [each.blocked for each in plan.actions] == [None, None]
    [warning] = plan.warnings
    assert warning.startswith("whether the organisation has each queue that flows need cannot be told: ")
    assert (await front.apply()).delivered


async def test_warn_delivers_and_ignore_does_not_ask(front: World, resources: Resources) -> None:
    resources.names["queue"] = []
    front.describe(resources="warn")
    front.commit()
    assert "it needs queue 'Sales'" in change(await front.plan()).warnings[-1]

    await front.restart()
    resources.calls.clear()
    front.describe(resources="ignore")
    front.commit()
    assert change(await front.plan()).warnings == ()
    assert resources.calls == {}
    assert (await front.apply()).delivered


async def test_the_place_is_that_of_the_file_before_substitution(front: World, resources: Resources) -> None:
    resources.names["queue"] = []
    front.flow("front", needy("Front", '"{{ queue }}"'))
    front.manifest("front", source={"file": "flows/front.yaml", "substitutions": {"queue": "Sales"}})
    front.commit()
    blocked = change(await front.plan()).blocked
    assert blocked is not None
    assert f"queue 'Sales' (flows/front.yaml:{QUEUE_LINE}:19)" in blocked.message


async def test_one_that_is_taken_away_is_missed_at_the_next_publish(front: World, resources: Resources) -> None:
    assert (await front.apply()).delivered
    resources.names["data-action"] = []
    front.flow("front", needy("Front").replace("To sales", "To the sales team"))
    front.commit()
    await front.clock.sleep(301)
    blocked = change(await front.plan()).blocked
    assert blocked is not None
    assert "data action 'CRM / Look up'" in blocked.message


def test_the_place_named_above_is_where_the_name_is_written() -> None:
    assert NEEDY.splitlines()[QUEUE_LINE - 1].strip() == "name: {queue}"
