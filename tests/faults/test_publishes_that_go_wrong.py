"""What a whole pass does when the organisation does something else than it was asked for, or says that it cannot.

Two flows are delivered and settled; then both change, and the fault strikes the second one.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from controller.delivery.result import Outcome
from controller.domain.capabilities import ARCHITECT, VERSIONED
from controller.domain.status import Health, StepState, SyncStatus
from controller.simulator.faults import Fault, FaultKind, Match
from tests.support.sources import inbound, module
from tests.support.world import World

BOTH = (ARCHITECT, VERSIONED)
DESK = {"flow": "Desk"}
WAYS_BACK = {
    ARCHITECT: [{"route": "/api/v2/flows/actions/publish"}],
    VERSIONED: [
        {"route": "/api/v2/routing/flows/{flowId}"},
        {"route": "/api/v2/flows/{flowId}/versions/{versionId}/publish", "flow": "Desk"},
    ],
}


class Row(NamedTuple):
    """A fault of a publish: how the change fails, in which words, and what becomes of the flow and its module."""

    kind: str
    details: dict[str, Any]
    code: str
    words: str
    desk: StepState
    dialects: tuple[str, ...] = BOTH


TABLE = [
    Row("publish-silent-noop", {}, "publish-failed", "reported success, but 1.0 is live", StepState.FAILED),
    Row("wrong-version", {"version": "1.0"}, "publish-failed", "reported success", StepState.FAILED, (VERSIONED,)),
    Row(
        "publish-fails",
        {"message": "No such prompt."},
        "publish-failed",
        "No such prompt.",
        StepState.FAILED,
        (VERSIONED,),
    ),
    Row(
        "job-fails", {"message": "No such prompt."}, "publish-failed", "No such prompt.", StepState.FAILED, (ARCHITECT,)
    ),
]
CASES = [
    pytest.param(dialect, row, id=f"{dialect} {row.kind} {row.details}") for row in TABLE for dialect in row.dialects
]


class ExportRow(NamedTuple):
    """A fault of an export, and whether it comes in time all the same."""

    kind: str
    details: dict[str, Any]
    match: dict[str, str]
    exported: bool
    at_least_s: float = 0
    dialects: tuple[str, ...] = (ARCHITECT,)


EXPORT = {"method": "POST", "route": "/api/v2/flows/export/jobs"}
DOWNLOAD = {"method": "GET", "route": "/_storage/exports/{jobId}"}
EXPORTS = [
    ExportRow("disguised-429", {"times": 2}, DESK, exported=True, at_least_s=15 + 30),
    ExportRow("disguised-429", {}, DESK, exported=False, at_least_s=15 + 30),
    ExportRow("job-fails", {"message": "No such flow."}, EXPORT, exported=False),
    ExportRow("http-5xx", {"times": 2}, DOWNLOAD, exported=True),
    ExportRow("http-5xx", {}, DOWNLOAD, exported=False),
    ExportRow("html-error", {}, DOWNLOAD, exported=False),
]


async def deliver_both(world: World) -> None:
    """`desk` calls `hours`; both are live at 1.0."""
    world.flow("hours", module("Hours"))
    world.flow("desk", inbound("Desk", calls=["Hours"]))
    world.commit()
    assert (await world.apply()).delivered


def struck(world: World) -> bool:
    """Whether the fault that is set hit anything."""
    [fault] = world.simulator.faults.shown()
    return fault["hits"] != 0


def change_both(world: World) -> None:
    world.flow("hours", module("Hours", says="We are open"))
    world.flow("desk", inbound("Desk", says="Second", calls=["Hours"]))
    world.commit()


@pytest.mark.parametrize(("world", "row"), CASES, indirect=["world"])
async def test_a_publish_that_goes_wrong_is_found_out_taken_back_and_not_tried_again(world: World, row: Row) -> None:
    await deliver_both(world)
    before = world.versions()
    change_both(world)
    world.fault(row.kind, match=DESK, **row.details)

    report = await world.apply()

    assert report.result is not None
    steps = {step.change.flow: step for step in report.result.steps}
    assert report.result.outcome is Outcome.ROLLED_BACK
    assert steps["hours"].state is StepState.ROLLED_BACK
    assert steps["desk"].state is row.desk
    assert steps["desk"].error is not None
    assert steps["desk"].error.code == row.code
    assert row.words in steps["desk"].error.message
    assert (report.sync_status, report.health) == (SyncStatus.OUT_OF_SYNC, Health.HEALTHY)
    assert world.versions() == before

    assert struck(world)

    world.simulator.faults.clear()
    again = await world.apply()
    assert {change.blocked.code for change in again.plan_or_raise().actions if change.blocked} == {"quarantined"}
    assert world.versions() == before
    assert (await world.apply(retry=True)).delivered
    await world.assert_settled()


@pytest.mark.parametrize("world", [ARCHITECT], indirect=True)
@pytest.mark.parametrize("row", EXPORTS, ids=lambda row: f"{row.kind} {row.details}")
async def test_an_export_that_goes_wrong_costs_time_and_never_the_delivery(world: World, row: ExportRow) -> None:
    """What is live is healthy without its export; where that did not come in time, a later pass makes up for it."""
    await deliver_both(world)
    change_both(world)
    world.fault(row.kind, match=row.match, **row.details)
    began_s = world.clock.elapsed_s

    report = await world.apply()

    assert report.delivered, report.error
    assert world.clock.elapsed_s - began_s >= row.at_least_s
    assert struck(world)
    assert report.result is not None
    desk = next(step for step in report.result.steps if step.change.flow == "desk")
    assert (desk.export is not None) is row.exported
    world.simulator.faults.clear()
    await world.apply()
    assert "name: Desk" in world.git("show", "origin/penstock/records:artifacts/acme/desk/2.0.yaml")
    await world.assert_settled()


@pytest.mark.parametrize("world", BOTH, indirect=True)
async def test_a_rollback_that_fails_is_never_reported_as_done(world: World) -> None:
    await deliver_both(world)
    change_both(world)
    world.fail_publishes_of("Desk")
    for number, match in enumerate(WAYS_BACK[world.dialect]):
        broken = Fault(name=f"back {number}", kind=FaultKind.PUBLISH_FAILS, match=Match(**match))
        world.simulator.set_faults(broken)
    # One way back is what the delivery did first: an upload, or a publish.
    kind = FaultKind.JOB_FAILS if world.dialect == ARCHITECT else FaultKind.PUBLISH_FAILS
    world.simulator.set_faults(Fault(name="as it came", kind=kind, match=Match(flow="Hours"), nth=2))

    report = await world.apply()

    assert report.result is not None
    assert report.result.outcome is Outcome.ROLLBACK_FAILED
    steps = {step.change.flow: step for step in report.result.steps}
    assert steps["hours"].state is StepState.ROLLBACK_FAILED
    assert steps["hours"].error is not None
    assert "could not be brought back" in steps["hours"].error.message
    assert (report.delivered, report.health) == (False, Health.DEGRADED)
    assert world.live("commonmodule", "Hours") == "2.0"
    world.simulator.faults.clear()
    assert (await world.apply()).sync_status is not SyncStatus.SYNCED


@pytest.mark.parametrize("world", BOTH, indirect=True)
async def test_a_token_that_expires_in_the_middle_of_a_sync_is_renewed_unseen(world: World) -> None:
    await deliver_both(world)
    change_both(world)
    world.simulator.calls.clear()
    world.fault("expired-token", nth=4, times=1)

    report = await world.apply()

    assert report.delivered, report.error
    assert world.simulator.calls.count("POST", "/oauth/token") == 1
    assert world.simulator.calls.count(status=401) >= 1
