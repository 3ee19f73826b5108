"""Every kind of fault that the simulator knows is played in a whole pass, in each dialect that it can strike."""

from __future__ import annotations

import pytest

from controller.domain.capabilities import ARCHITECT, CAPABILITIES, VERSIONED
from controller.simulator.faults import Fault, FaultKind
from tests.faults import (
    test_passes_under_faults,
    test_pinned_versions_under_faults,
    test_publishes_that_go_wrong,
    test_stale_index,
)
from tests.support.sources import inbound, module
from tests.support.world import World

TABLES = (
    test_passes_under_faults.TABLE,
    test_pinned_versions_under_faults.TABLE,
    test_publishes_that_go_wrong.TABLE,
    test_publishes_that_go_wrong.EXPORTS,
    test_stale_index.TABLE,
)
NOWHERE = {
    (FaultKind.DISGUISED_429, VERSIONED): "a version is exported by one read, without a job",
    (FaultKind.JOB_FAILS, VERSIONED): "its only jobs trace actions, which no pass asks for",
    (FaultKind.STALE_INDEX, VERSIONED): "it has no dependency index",
}
"""What no pass can meet, and why."""


def test_every_kind_has_a_row_in_every_dialect_that_it_can_strike() -> None:
    played = {(FaultKind(row.kind), dialect) for table in TABLES for row in table for dialect in row.dialects}
    every = {(kind, dialect) for kind in FaultKind for dialect in (ARCHITECT, VERSIONED)}
    assert {ARCHITECT, VERSIONED} == set(CAPABILITIES)
    assert played == every - NOWHERE.keys()


@pytest.mark.parametrize("world", sorted({dialect for _, dialect in NOWHERE}), indirect=True)
async def test_what_has_no_row_strikes_nothing(world: World) -> None:
    """A first delivery, a change, and the way back to the first version."""
    kinds = [kind for kind, dialect in NOWHERE if dialect == world.dialect]
    world.simulator.set_faults(*(Fault(name=kind, kind=kind) for kind in kinds))
    world.flow("hours", module("Hours"))
    world.flow("desk", inbound("Desk", calls=["Hours"]))
    world.commit()
    assert (await world.apply()).delivered
    world.flow("desk", inbound("Desk", says="Second", calls=["Hours"]))
    world.commit()
    assert (await world.apply()).delivered
    world.manifest("desk", type="inboundcall", name="Desk", source={"version": "1.0"})
    world.commit()
    assert (await world.apply()).delivered
    await world.assert_settled()

    struck = {fault["name"]: (fault["seen"], fault["hits"]) for fault in world.simulator.faults.shown()}
    assert struck == dict.fromkeys(kinds, (0, 0))
