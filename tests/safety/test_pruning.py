"""Nothing is taken out of use while anything calls it: managed or not, whatever the index knows so far."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from controller.domain.errors.delivery import NotConfirmed
from controller.domain.identity import FlowKey
from controller.domain.status import StepState
from controller.simulator.settings import SimulatorSettings
from tests.support.played_once import played_once
from tests.support.sources import inbound, module
from tests.support.world import SECRET, Recording, World, said

HOURS = "commonmodule/Hours"


@pytest.fixture
async def lagging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """An organisation whose index learns of a version ten minutes after it was made."""
    monkeypatch.setenv("ACME_ID", "penstock")
    monkeypatch.setenv("ACME_SECRET", SECRET)
    made = World(tmp_path, simulator_settings=SimulatorSettings(rate_limit_per_minute=3000, index_s=600))
    yield made
    await made.close()


@played_once
async def orphan(world: World) -> None:
    """`hours` was delivered, its manifest is gone, and pruning is on."""
    world.describe(sync={"prune": True})
    world.flow("desk", inbound("Desk"))
    world.flow("hours", module("Hours"))
    world.commit()
    assert (await world.apply()).delivered
    world.remove("hours")
    world.commit()


def somebody_publishes(world: World, text: str) -> None:
    key, version = world._check_in(text)
    world._publish_by_hand(key, version)


def blocked(report) -> dict[str, str]:
    return {change.flow: change.blocked.code for change in report.plan_or_raise().actions if change.blocked}


@pytest.mark.parametrize("text", [inbound("Legacy", calls=["Hours"]), module("Legacy", calls=["Hours"])])
async def test_a_live_flow_that_no_manifest_names_keeps_what_it_calls(world: World, text: str) -> None:
    await orphan(world)
    somebody_publishes(world, text)
    world.clock.advance(2 * 3600)

    report = await world.apply(confirmations=said(prune=True))

    assert blocked(report) == {"hours": "still-consumed"}
    (change,) = report.plan_or_raise().actions
    assert "Legacy" in change.blocked.message
    assert world.versions()[HOURS] == "1.0"
    assert not report.delivered


async def test_a_flow_that_the_index_does_not_know_yet_counts(lagging: World) -> None:
    await orphan(lagging)
    lagging.clock.advance(3600)
    somebody_publishes(lagging, inbound("Legacy", calls=["Hours"]))

    report = await lagging.apply(confirmations=said(prune=True))

    assert blocked(report) == {"hours": "still-consumed"}
    assert lagging.versions()[HOURS] == "1.0"


async def test_an_index_that_is_being_built_proves_nothing(world: World) -> None:
    await orphan(world)
    world.fault("stale-index")

    report = await world.apply(confirmations=said(prune=True))

    assert blocked(report) == {"hours": "consumers-unknown"}
    assert world.versions()[HOURS] == "1.0"

    world.simulator.faults.clear()
    assert (await world.apply(confirmations=said(prune=True))).delivered
    assert world.versions()[HOURS] is None
    await world.assert_settled()


async def test_who_begins_to_call_it_while_the_delivery_runs_keeps_it(world: World) -> None:
    await orphan(world)

    class Late(Recording):
        def progressed(self, event) -> None:
            if event.name == "sync.started":
                somebody_publishes(world, inbound("Legacy", calls=["Hours"]))

    report = await world.apply(Late(), confirmations=said(prune=True))

    assert [(step.state, step.error.code) for step in report.result.steps] == [(StepState.FAILED, "plan-stale")]
    assert world.versions()[HOURS] == "1.0"
    assert world.services.store.quarantines.active("acme") == ()


async def test_what_called_it_and_calls_it_no_more_lets_it_go(world: World) -> None:
    await orphan(world)
    somebody_publishes(world, inbound("Legacy", calls=["Hours"]))
    assert blocked(await world.plan()) == {"hours": "still-consumed"}
    somebody_publishes(world, inbound("Legacy"))

    report = await world.apply(confirmations=said(prune=True))

    assert report.delivered, report.error
    assert world.versions()[HOURS] is None


async def test_callers_that_leave_in_the_same_delivery_go_first(world: World) -> None:
    world.describe(sync={"prune": True})
    world.flow("desk", inbound("Desk", calls=["Hours"]))
    world.flow("front", inbound("Front", calls=["Hours"]))
    world.flow("hours", module("Hours"))
    world.commit()
    assert (await world.apply()).delivered
    world.flow("desk", inbound("Desk"))
    for gone in ("front", "hours"):
        world.remove(gone)
    world.commit()

    report = await world.apply(confirmations=said(prune=True))

    assert report.delivered, report.error
    assert world.versions() == {HOURS: None, "inboundcall/Desk": "2.0", "inboundcall/Front": None}
    names = [change.flow for change in report.plan_or_raise().actions]
    assert names.index("hours") > max(names.index("desk"), names.index("front"))
    await world.assert_settled()


async def test_a_plan_with_pruning_does_not_change_while_time_passes(world: World) -> None:
    await orphan(world)
    somebody_publishes(world, inbound("Legacy", calls=["Hours"]))
    first = (await world.plan()).plan_or_raise()
    world.clock.advance(3 * 3600)

    assert (await world.plan()).plan_or_raise().digest == first.digest


def test_a_flow_key_reads_what_the_index_calls_a_type() -> None:
    from controller.delivery.dependency_index import _flow_type

    assert [_flow_type(name) for name in ("INBOUNDCALLFLOW", "WORKFLOW", "COMMONMODULEFLOW")] == [
        "inboundcall",
        "workflow",
        "commonmodule",
    ]
    assert FlowKey(_flow_type("COMMONMODULEFLOW"), "Hours") == FlowKey.parse(HOURS)


async def test_a_removal_that_nobody_confirmed_is_held_back_and_the_rest_is_delivered(world: World) -> None:
    await orphan(world)
    world.flow("desk", inbound("Desk", says="New"))
    world.commit()

    report = await world.apply()

    assert report.error is None
    assert blocked(report) == {"hours": "not-confirmed"}
    assert (world.live("inboundcall", "Desk"), world.versions()[HOURS]) == ("2.0", "1.0")
    assert isinstance((await world.apply()).error, NotConfirmed)
    assert (await world.apply(confirmations=said(prune=True))).delivered
    assert world.versions()[HOURS] is None
