"""Whenever the controller is told to stop it begins nothing new, ends soon, says what it left, and loses nothing."""

from __future__ import annotations

import re

import pytest

from controller.cli.apply_output import apply_text
from controller.delivery.result import Outcome, SyncResult
from controller.domain.status import StepState
from controller.reconcile.report import PassReport
from controller.store.records import SyncState
from tests.crash.invariants import publishes
from tests.safety.stopping import NEW, OLD, PHASES, Phase, Word, prepare
from tests.support.world import ORGANIZATION, World

SOON_S = 30.0
"""A pod has 60 s, ten of which may go to announcing what was delivered."""
LONGEST_PASSES = 3
CASES = [
    pytest.param(name, dialect, id=f"{name} on {dialect}")
    for name, phase in PHASES.items()
    for dialect in sorted(phase.dialects)
]


def left(result: SyncResult) -> dict[str, str]:
    """The state of each change, with a star where it is parked."""
    return {step.change.flow: step.state.value + "*" * step.parked for step in result.steps}


def test_every_state_that_a_change_can_be_in_has_a_moment() -> None:
    assert {phase.state for phase in PHASES.values()} == set(StepState)


@pytest.mark.parametrize(("name", "world"), CASES, indirect=["world"])
async def test_a_stop_ends_the_pass_soon_and_the_next_one_brings_it_to_its_end(name: str, world: World) -> None:
    phase = PHASES[name]
    await prepare(world, phase)
    word = Word(world, phase)

    report = await world.apply(word, stopping=word.stopping)

    assert report.error is None
    assert word.stopping(), [event.name for event in word.events]
    assert world.clock.elapsed_s - (word.said_at or 0.0) <= SOON_S
    assert not word.begun_after
    _says_what_is_left(report, phase, word, world)
    await world.restart()
    phase.before_next(world)
    await _converges(world)
    await _nothing_is_lost_or_published_twice(world, phase)


def _says_what_is_left(report: PassReport, phase: Phase, word: Word, world: World) -> None:
    result = report.result
    assert result is not None
    assert left(result) == phase.left
    parked = {step.change.flow for step in result.steps if step.parked}
    assert parked <= {event.flow for event in word.events if event.name == "change.parked"}
    shown = apply_text([report])
    told = re.findall(r"(?:these (\d+): )?parked: the next run resumes it", shown)
    assert sum(int(count or 1) for count in told) == len(parked)
    held_back = [step for step in result.steps if "told to stop before it began" in " ".join(step.messages)]
    stopped = any(step.parked for step in result.steps) or bool(held_back)
    sync = world.services.store.journal.sync(result.sync_id)
    assert sync is not None
    assert sync.state.open == (sync.state is SyncState.STOPPED) == stopped
    if result.outcome is not Outcome.ROLLBACK_FAILED:
        assert stopped == (result.outcome is Outcome.STOPPED) == ("stopped: the next run" in shown)


async def _converges(world: World) -> None:
    """The next passes, which nobody stops, leave nothing open."""
    for _ in range(LONGEST_PASSES):
        report = await world.apply()
        assert report.error is None
        assert report.plan is not None
        if report.delivered or all(change.blocked for change in report.plan.actions):
            break
    assert not world.services.store.journal.unfinished(ORGANIZATION)


async def _nothing_is_lost_or_published_twice(world: World, phase: Phase) -> None:
    made = publishes(world.simulator.organization.state)
    assert {key: count for key, count in made.items() if NEW in key[1] and count > 1} == {}
    assert {key: count for key, count in made.items() if OLD in key[1] and count > 1 + 2 * phase.taken_back} == {}
    flows = list(world.simulator.organization.flows())
    live = {flow.name: flow.published.text if flow.published else "" for flow in flows}
    if not phase.taken_back:
        assert all(NEW in text for text in live.values()), live
        await world.assert_settled()
        return
    by_hand = {"Desk"} if phase.state is StepState.ROLLBACK_FAILED else set()
    assert all(OLD in text for name, text in live.items() if name not in by_hand), live
    for flow in flows:
        for callee, version in flow.published.bindings.items() if flow.published and flow.name not in by_hand else ():
            bound_to = next(each for each in flows if each.id == callee).published
            assert bound_to is not None
            assert bound_to.id == version
