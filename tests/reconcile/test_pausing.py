"""A gate that cannot decide pauses its delivery until there is more to judge by, or until a person decides."""

from __future__ import annotations

import pytest

from controller.delivery.result import Outcome
from controller.domain.errors.delivery import DeliveryPaused
from controller.domain.errors.process import SettingsInvalid
from controller.domain.status import Health, StepState, SyncStatus
from controller.planning.model import Plan
from controller.planning.rendering.document import plan_json
from controller.planning.rendering.markdown import plan_markdown
from controller.planning.rendering.page import plan_html
from controller.planning.rendering.text import plan_text
from controller.questions.decisions import accept_paused
from controller.questions.plan_views import plan_views
from controller.questions.refusals import with_refusals
from controller.reconcile.report import PassReport
from controller.reconcile.workspace import open_folder
from controller.simulator.execution import Traffic
from tests.reconcile.scenes import live
from tests.support.audit import audit_entries
from tests.support.dialects import BOTH
from tests.support.played_once import played_once
from tests.support.sources import inbound, module
from tests.support.world import ORGANIZATION, World

GATE = {"errorRate": {"window": "10m", "minimumSamples": 5, "max": "10%", "onNoData": "wait"}}


pytestmark = BOTH


async def pause(world: World) -> PassReport:
    """`desk` 2.0 is live and nobody calls it; `other` was delivered by the same sync."""
    await live(world, desk=inbound("Desk"), other=module("Other"))
    world.flow("desk", inbound("Desk", says="New"), gates=[GATE])
    world.flow("other", module("Other", says="New"))
    world.commit()
    report = await world.apply()
    assert report.result is not None
    assert report.result.outcome is Outcome.PAUSED
    return report


@played_once
async def paused(world: World) -> None:
    await pause(world)


def calls(world: World, *, failing: float) -> None:
    """From now on people call, and a share of the executions fails."""
    flow = world.simulator.flow("inboundcall", "Desk")
    world.simulator.organization.state.execution_data.enabled = True
    world.simulator.organization.state.traffic.append(Traffic(flow.id, world.clock.now(), 10, failing))
    world.clock.advance(300)


async def test_what_is_live_stays_and_a_person_is_told(world: World) -> None:
    report = await pause(world)

    assert not report.delivered
    assert world.live("inboundcall", "Desk") == "2.0"
    states = {step.change.flow: step.state for step in report.result.steps}
    assert states == {"desk": StepState.BAKING, "other": StepState.RECORDED}
    status = world.status(await world.plan())
    (desk,) = (flow for flow in status.flows if flow.flow == "desk")
    assert desk.health is Health.SUSPENDED
    assert "gate errorRate: 0 of 0 executions failed" in desk.message
    assert world.services.store.quarantines.active("acme") == ()


async def shown(world: World) -> Plan:
    """The plan as people see it now."""
    organization = open_folder(world.clone, world.settings).organization(ORGANIZATION)
    return with_refusals((await world.plan()).plan_or_raise(), organization, world.services, ())


async def test_a_plan_tells_in_every_format_that_an_earlier_delivery_is_paused(world: World) -> None:
    await paused(world)

    plan = await shown(world)

    assert [each.code for each in plan.held_back] == ["delivery-paused"]
    views = plan_views([plan])
    for text in (plan_text([plan]), plan_markdown(views), plan_html(views), plan_json([plan])):
        assert "paused, and nothing else is delivered meanwhile: desk" in text
        assert "penstock accept desk" in text
    accept_paused(world.services, open_folder(world.clone, world.settings).organization(ORGANIZATION), "desk", by="a")
    assert (await shown(world)).held_back == ()


async def test_a_plan_tells_of_a_delivery_that_a_change_to_observe_left_open(world: World) -> None:
    await paused(world)
    world.describe(sync={"mode": "observe"})
    world.commit()

    held_back = (await shown(world)).held_back[0]

    assert held_back.code == "sync-suspended"
    assert "a delivery that was begun is left as it is" in held_back.message
    assert "desk is baking" in held_back.message


async def test_nothing_new_is_delivered_meanwhile_and_no_pass_waits(world: World) -> None:
    await paused(world)
    world.flow("third", module("Third"))
    world.commit()
    began = world.clock.elapsed_s

    report = await world.apply()

    assert isinstance(report.error, DeliveryPaused)
    assert "desk (inboundcall/Desk) 2.0" in report.error.message
    assert "penstock accept desk" in (report.error.hint or "")
    assert world.clock.elapsed_s - began < 60
    assert world.publishes().count("commonmodule/Third") == 0
    judged = [entry for entry in audit_entries(world.services.store, "acme") if entry.action == "gate"]
    assert len(judged) == 1


async def test_what_is_made_by_hand_meanwhile_is_seen(world: World) -> None:
    await paused(world)
    world.by_hand("publish", "commonmodule", "Other", module("Other", says="By hand"))

    report = await world.apply()

    assert isinstance(report.error, DeliveryPaused)
    assert [drift.flow for drift in report.moved] == ["other"]
    assert (report.health, report.sync_status) == (Health.SUSPENDED, SyncStatus.OUT_OF_SYNC)
    assert world.publishes().count("commonmodule/Other") == 3, "two deliveries and a person"


async def test_enough_executions_decide_by_themselves(world: World) -> None:
    await paused(world)
    calls(world, failing=0.0)

    report = await world.apply()

    assert report.delivered, report.error
    assert report.recovered == ("desk: exported", "other: recorded")
    await world.assert_settled()


async def test_executions_that_fail_take_it_back(world: World) -> None:
    await paused(world)
    calls(world, failing=1.0)

    report = await world.apply()

    assert report.error is None
    assert world.live("inboundcall", "Desk") == "1.0"
    assert [str(each.key) for each in world.services.store.quarantines.active("acme")] == ["inboundcall/Desk"]


async def test_a_person_lets_it_stay(world: World) -> None:
    await paused(world)
    (organization,) = open_folder(world.clone, world.settings).desired.organizations

    step = accept_paused(world.services, organization, "desk", by="ada")
    report = await world.apply()

    assert step.live_version == "2.0"
    assert report.delivered, report.error
    entries = [(entry.action, entry.actor) for entry in audit_entries(world.services.store, "acme")]
    assert ("promote", "ada") in entries
    await world.assert_settled()


async def test_a_person_takes_it_back(world: World) -> None:
    """Just that flow, back to what was live before, and it stays back until git changes."""
    await paused(world)

    report = await world.rollback("desk")

    assert report.error is None
    assert report.result is not None
    assert report.result.outcome is Outcome.ROLLED_BACK
    assert world.live("inboundcall", "Desk") == "1.0"
    assert world.live("commonmodule", "Other") == "2.0"
    again = await world.apply()
    assert [(change.flow, change.blocked.code) for change in again.blocked if change.blocked] == [
        ("desk", "quarantined")
    ]
    assert world.live("inboundcall", "Desk") == "1.0"


async def test_another_flow_can_be_rolled_back_meanwhile(world: World) -> None:
    await paused(world)

    report = await world.rollback("other")

    assert report.error is None
    assert world.live("commonmodule", "Other") == "1.0"
    assert world.live("inboundcall", "Desk") == "2.0"


async def test_a_commit_that_asks_for_something_else_is_an_answer(world: World) -> None:
    """The version that nothing proved is taken back first, so that a rollback of the next one ends at a proven one."""
    await paused(world)
    world.flow("desk", inbound("Desk", says="Third"))
    world.commit()

    report = await world.apply()

    assert report.delivered, report.error
    assert report.recovered[0] == "desk: rolled-back"
    published = world.simulator.flow("inboundcall", "Desk").published
    assert published is not None
    assert "Third" in published.text
    step = next(step for step in report.result.steps if step.change.flow == "desk")
    assert step.previous_version == "1.0"
    await world.assert_settled()


async def test_what_is_not_paused_cannot_be_promoted(world: World) -> None:
    await live(world, desk=inbound("Desk"))
    (organization,) = open_folder(world.clone, world.settings).desired.organizations
    with pytest.raises(SettingsInvalid, match="no delivery of inboundcall/Desk waits for a decision"):
        accept_paused(world.services, organization, "desk", by="ada")
