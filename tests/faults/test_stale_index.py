"""What a pass does while the organisation's dependency index is stale: it answers 206 and leaves callers out.

`hours` was delivered, its manifest is gone, and pruning is on; `desk` has a change that has nothing to do with it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from controller.domain.capabilities import ARCHITECT
from tests.support.sources import inbound, module
from tests.support.world import World, said

CONSUMERS = {"route": "/api/v2/architect/dependencytracking/consumingresources"}
HOURS = "commonmodule/Hours"
PRUNE = said(prune=True)


class Row(NamedTuple):
    """When the index is stale, whether anybody calls `hours`, and why it stays."""

    details: dict[str, Any]
    called: bool
    why: str
    kind: str = "stale-index"
    dialects: tuple[str, ...] = (ARCHITECT,)


TABLE = [
    Row({}, called=False, why="consumers-unknown"),
    Row({}, called=True, why="consumers-unknown"),
    # It was right when the plan was made, and is not when the flow is about to be taken out of use.
    Row({"nth": 2}, called=False, why="plan-stale"),
]


async def orphan(world: World) -> None:
    world.describe(sync={"prune": True})
    world.flow("desk", inbound("Desk"))
    world.flow("hours", module("Hours"))
    world.commit()
    assert (await world.apply()).delivered
    world.remove("hours")
    world.flow("desk", inbound("Desk", says="Second"))
    world.commit()


def somebody_calls_it(world: World) -> None:
    key, version = world._check_in(inbound("Legacy", calls=["Hours"]))
    world._publish_by_hand(key, version)
    world.clock.advance(7200)  # the index knows of it, when it is whole


@pytest.mark.parametrize("world", [ARCHITECT], indirect=True)
@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.details} {'called' if row.called else 'orphan'}")
async def test_nothing_is_taken_out_of_use_on_the_word_of_a_stale_index(world: World, row: Row) -> None:
    await orphan(world)
    if row.called:
        somebody_calls_it(world)
    world.fault(row.kind, match=CONSUMERS, **row.details)

    report = await world.apply(confirmations=PRUNE)

    [fault] = world.simulator.faults.shown()
    assert fault["hits"] != 0
    assert row.why in reasons(report)
    assert not report.delivered
    assert world.versions()[HOURS] == "1.0"

    world.simulator.faults.clear()
    again = await world.apply(confirmations=PRUNE, retry=True)
    assert world.live("inboundcall", "Desk") == "2.0"
    assert world.publishes().count("inboundcall/Desk") == 2
    if row.called:
        assert reasons(again) == {"still-consumed"}
        assert world.versions()[HOURS] == "1.0"
    else:
        assert again.delivered, again.error
        assert world.versions()[HOURS] is None
        await world.assert_settled()


def reasons(report: Any) -> set[str]:
    """Why changes were held back or failed, by code."""
    blocked = {change.blocked.code for change in report.plan_or_raise().actions if change.blocked}
    return blocked | {step.error.code for step in report.result.steps if step.error} if report.result else blocked
