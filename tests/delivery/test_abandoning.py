"""A version that a crash left unjudged and that git does not ask for any more is abandoned, wherever the next dies."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from controller.delivery.sync_run import DeliveryEvent
from controller.domain.capabilities import ARCHITECT, VERSIONED
from controller.domain.desired import ErrorRateGate, OnNoData, Rollout
from controller.domain.status import StepState
from tests.delivery.scenes import DESK, three_versions
from tests.delivery.site import NAME, Crash, Site, organization
from tests.delivery.test_crashes import nth
from tests.support.sources import inbound

pytestmark = pytest.mark.proof

JUDGED = {"rollout": Rollout(bake_s=300), "gates": (ErrorRateGate(60, 1, 0.1, OnNoData.PASS),)}
NEWER = "Fourth"


@pytest.fixture(params=[ARCHITECT, VERSIONED])
async def site(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Site]:
    """The process died while `desk` 3.0 baked, over the 2.0 that was judged well; git asks for 4.0 by now."""
    made = Site(tmp_path, organization=organization(dialect=request.param))
    three_versions(made)
    made.by_hand("checkin", DESK, inbound("Desk", says=NEWER))
    ask(made, "Second", "2.0")
    await made.deliver()
    ask(made, "Third", "3.0")
    made.crash_when = lambda event: event.name == "bake.begun"
    with pytest.raises(Crash):
        await made.deliver()
    await made.restart()
    ask(made, NEWER, "4.0")
    yield made
    await made.close()


def ask(site: Site, says: str, version: str) -> None:
    if site.organization.dialect == VERSIONED:
        site.pin("desk", DESK, version, **JUDGED)
    else:
        site.want("desk", inbound("Desk", says=says), **JUDGED)


async def events_of(site: Site, folder: Path) -> list[DeliveryEvent]:
    rehearsal = site.fork(folder / "rehearsal")
    await rehearsal.converge()
    await rehearsal.close()
    return rehearsal.events


async def crashed(site: Site, folder: Path, crash_when: Callable[[DeliveryEvent], bool]) -> Site:
    other = site.fork(folder)
    other.crash_when = crash_when
    with pytest.raises(Crash):
        await other.converge()
    await other.restart()
    return other


async def test_whenever_the_next_process_dies_the_way_back_stays_what_was_judged_well(
    site: Site, tmp_path: Path
) -> None:
    judged = site.recorded[DESK].version
    events = await events_of(site, tmp_path)
    first = next(number for number, event in enumerate(events, 1) if event.name == "change.rolling-back")
    last = next(number for number, event in enumerate(events, 1) if event.name == "sync.started")
    assert last - first > 6
    for number in range(first, last + 1):
        other = await crashed(site, tmp_path / str(number), nth(number))

        await other.converge()

        step = other.store.journal.latest(NAME)[DESK]
        assert (step.state, step.previous_version) == (StepState.RECORDED, judged), number
        published = other.simulator.flow(DESK.type, DESK.name).published
        assert published is not None
        assert NEWER in published.text, number
        assert other.store.quarantines.active(NAME) == (), number
        assert (await other.recover()).clean, number
        assert (await other.plan()).empty, number
        await other.close()
