"""Flows whose manifests are gone: unpublished last, never when something fails, and put back with the rest."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controller.delivery.result import Outcome, SyncResult
from controller.domain.desired import SyncPolicy
from controller.domain.status import StepState
from controller.planning.model import Change, ChangeKind, Plan
from tests.delivery.scenes import DESK
from tests.delivery.site import Site, states
from tests.support.sources import inbound


@pytest.fixture
async def pruning(site: Site) -> Site:
    """`aside` and `desk` are live; the manifest of `aside` is gone and pruning is on."""
    site.organization = replace(site.organization, sync=SyncPolicy(prune=True))
    site.want("aside", inbound("Aside"))
    site.want("desk", inbound("Desk"))
    await site.deliver()
    site.unwant("aside")
    return site


async def test_removals_come_after_everything_else(pruning: Site) -> None:
    pruning.want("desk", inbound("Desk", says="New"))
    result = await pruning.deliver()
    assert result.outcome is Outcome.SUCCEEDED
    assert pruning.live() == {"inboundcall/Aside": None, "inboundcall/Desk": "2.0"}
    order = [event.flow for event in pruning.events if event.name == "change.live"]
    assert order[-2:] == ["desk", "aside"]
    assert (await pruning.plan()).empty


async def test_nothing_is_removed_while_another_change_fails(pruning: Site) -> None:
    pruning.want("desk", inbound("Desk", says="New"))
    pruning.fault("job-fails", match={"flow": "Desk"})
    result = await pruning.deliver()
    assert states(result) == {"desk": "failed", "aside": "skipped"}
    assert pruning.live()["inboundcall/Aside"] == "1.0"


async def test_a_removal_that_does_not_happen_is_a_failure_that_rolls_nothing_back(pruning: Site) -> None:
    pruning.want("desk", inbound("Desk", says="New"))
    pruning.fault("http-5xx", match={"route": "/api/v2/flows/actions/deactivate"})
    result = await pruning.deliver()
    assert states(result) == {"desk": "exported", "aside": "failed"}
    assert pruning.live()[str(DESK)] == "2.0"
    assert result.outcome is Outcome.FAILED


async def deleting(site: Site) -> tuple[Plan, SyncResult]:
    """What pruning would do to a flow that may be deleted, which the planner leaves to people."""
    plan = await site.plan()
    (change,) = plan.actions
    deletion: Change = replace(change, kind=ChangeKind.DELETE)
    plan = replace(plan, changes=(deletion,))
    return plan, await site.deliver(plan)


async def test_a_deleted_flow_is_gone_and_recorded_as_such(pruning: Site) -> None:
    _, result = await deleting(pruning)
    assert result.outcome is Outcome.SUCCEEDED, result.steps[0].error
    assert pruning.live() == {"inboundcall/Desk": "1.0"}
    assert [step.state for step in result.to_record] == [StepState.EXPORTED]
    assert (await pruning.recover()).clean


async def test_a_flow_that_is_locked_is_not_removed(pruning: Site) -> None:
    plan = await pruning.plan()
    pruning.by_hand("lock", plan.actions[0].key)
    result = await pruning.deliver(plan)
    assert result.steps[0].error is not None
    assert result.steps[0].error.code == "flow-locked"
