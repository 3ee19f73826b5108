"""The first look at an organisation reads every version, and tells how far it is; the next one reads none."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy
import structlog
import structlog.testing

from controller.planning.model import ChangeKind
from tests.support.sources import inbound, module
from tests.support.world import Recording, World

DOWNLOADS = "/_storage/exports/{jobId}"


async def test_a_first_look_is_told_and_the_next_one_asks_for_nothing_again(world: World) -> None:
    world.flow("hours", module("Hours"))
    world.flow("front", inbound("Front", calls=["Hours"]))
    world.commit()
    world.publish_all_by_hand()
    first, second = Recording(), Recording()

    await world.apply(first)
    await world.apply(second)

    assert first.looks == [(1, 2), (2, 2)]
    assert second.looks == []
    await world.assert_settled()


async def test_a_later_look_reads_the_digests_of_all_flows_with_one_query(world: World) -> None:
    for number in range(12):
        world.flow(f"flow-{number}", module(f"Module {number}"))
    world.commit()
    world.publish_all_by_hand()
    await world.look(Recording())
    world.simulator.calls.clear()
    asked: list[str] = []

    def count(*event: object) -> None:
        asked.append(str(event[2]))

    sqlalchemy.event.listen(sqlalchemy.Engine, "before_cursor_execute", count)
    try:
        report = await world.look(Recording())
    finally:
        sqlalchemy.event.remove(sqlalchemy.Engine, "before_cursor_execute", count)

    assert {change.kind for change in report.plan.changes} == {ChangeKind.ADOPT}
    assert len([each for each in asked if "FROM facts" in each]) == 1
    assert world.simulator.calls.count("GET", DOWNLOADS) == 0


FLOWS = 120


def _organisation_of_many(world: World) -> None:
    """Every flow has a source and is live, and no record has it."""
    for number in range(FLOWS):
        world.flow(f"flow-{number}", module(f"Module {number}"))
    world.commit()
    world.publish_all_by_hand()
    world.simulator.calls.clear()


@pytest.mark.proof
async def test_a_first_look_exports_many_flows_in_few_jobs_and_says_before_what_it_takes(world: World) -> None:
    _organisation_of_many(world)
    listener = Recording()

    with structlog.testing.capture_logs() as events:
        report = await world.look(listener)

    assert {change.kind for change in report.plan.changes} == {ChangeKind.ADOPT}
    pages, tokens, jobs, looks = 1, 2, 3, 6
    calls = world.simulator.calls.report()["total"] - world.simulator.calls.count("GET", DOWNLOADS)
    assert calls <= pages + tokens + jobs + looks
    [estimate] = listener.estimates
    assert (estimate.flows, estimate.calls) == (FLOWS, jobs + looks)
    assert listener.looks[-1] == (FLOWS, FLOWS)
    told = [each for each in events if each["event"].startswith("exports.")]
    assert (told[0]["event"], told[0]["calls"]) == ("exports.begun", jobs + looks)
    assert (told[-1]["event"], told[-1]["done"]) == ("exports.progress", FLOWS)


@pytest.mark.proof
async def test_a_look_that_knows_all_exports_announces_none(world: World) -> None:
    _organisation_of_many(world)
    await world.look(Recording())
    again = Recording()

    await world.look(again)

    assert again.estimates == []


async def test_a_slow_export_of_many_flows_is_logged_once_a_minute(world: World) -> None:
    _organisation_of_many(world)
    world.simulator.configure(replace(world.simulator.settings, export_s=15.0))
    began = world.clock.elapsed_s

    with structlog.testing.capture_logs() as events:
        await world.look(Recording())

    minutes = (world.clock.elapsed_s - began) / 60
    lines = [each for each in events if each["event"] == "exports.progress"]
    assert 1 < len(lines) <= minutes + 1
