"""Two faults in the middle of one delivery, in both dialects: nothing twice, in silence, or only on paper.

Every check plays some of the combinations, `make nightly` all of them; a failure names its seed.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from controller.domain.status import SyncStatus
from tests.conformance.invariants import Look, violations, watched
from tests.conformance.mishaps import Kind
from tests.conformance.played import Played
from tests.conformance.scenes import SCENES, quirks, two_faults, two_mishaps
from tests.conformance.simulated import DESK, FRONT, Simulated
from tests.conformance.site import Site

EVERY_RUN, NIGHTLY = 3, 60
SEEDS = [seed if seed < EVERY_RUN else pytest.param(seed, marks=pytest.mark.nightly) for seed in range(NIGHTLY)]
PASSES_TO_REST = 5
BETWEEN_S = 120
BY_PEOPLE = frozenset({Kind.PERSON_BEFORE, Kind.PERSON_AFTER, Kind.CANCELLED})


@pytest.fixture
async def simulated(tmp_path: Path, credentials: None) -> AsyncIterator[Simulated]:
    made = Simulated(tmp_path)
    yield made
    await made.close()


@pytest.mark.parametrize("seed", SEEDS)
async def test_two_faults_in_the_versioned_dialect_leave_the_truth(site: Site, seed: int) -> None:
    name = list(SCENES)[seed % len(SCENES)]
    scene = SCENES[name]
    chance = random.Random(seed)
    mishaps, chosen = two_mishaps(chance), {**quirks(chance), **scene.quirks}
    for quirk, value in chosen.items():
        setattr(site.quirks, quirk, value)
    scene.prepare(site)
    site.commit()
    site.organization.mishaps = [*mishaps]
    looks = await to_rest(site, site.organization.mishaps.clear, lambda: site.clock.advance(BETWEEN_S))
    calls = [f"{call.name} {call.status} {call.mishap or ''}" for call in site.organization.calls]
    told = "\n".join([f"seed {seed}, {name}: {mishaps} {chosen}", *calls])
    assert not (found := violations(site, looks)), "\n".join([*found, told])
    if not any(each.struck for each in mishaps if each.kind in BY_PEOPLE):
        live = {flow: history[-1].version for flow, history in site.moves().items()}
        assert live == dict(scene.wanted), told


@pytest.mark.parametrize("seed", SEEDS)
async def test_two_faults_in_the_architect_dialect_leave_the_truth(simulated: Simulated, seed: int) -> None:
    await simulated.settled()
    simulated.ask_for("New desk", "New front")
    faults, people = two_faults(random.Random(seed))
    simulated.interferences = people
    simulated.simulator.set_faults(*faults)

    def mend() -> None:
        simulated.simulator.faults.clear()
        simulated.interferences = []

    looks = await to_rest(simulated, mend, lambda: simulated.clock.advance(BETWEEN_S))
    calls = [f"{call.method} {call.path} {call.status} {call.faults}" for call in simulated.simulator.calls.log()]
    told = "\n".join([f"seed {seed}: {faults} {people}", *calls])
    assert not (found := violations(simulated, looks)), "\n".join([*found, told])
    if not any(each.done for each in people):
        assert simulated.texts() == {DESK: True, FRONT: True}, told


async def to_rest(played: Played, mend: Callable[[], None], pause: Callable[[], None]) -> list[Look]:
    """One pass while things go wrong, and then passes until nothing is left to do."""
    looks = [await watched(played)]
    mend()
    while len(looks) < PASSES_TO_REST and not _at_rest(looks[-1]):
        pause()
        looks.append(await watched(played))
    return looks


def _at_rest(look: Look) -> bool:
    return look.report.sync_status is SyncStatus.SYNCED and look.report.result is None
