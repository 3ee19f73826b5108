"""A version that a crash left unjudged and that git does not ask for any more is abandoned, wherever the next dies."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from controller.domain.capabilities import ARCHITECT, VERSIONED
from controller.domain.desired import ErrorRateGate, OnNoData, Rollout
from controller.domain.status import StepState
from tests.delivery.deaths import deaths
from tests.delivery.scenes import DESK, three_versions
from tests.delivery.site import NAME, Crash, Site, organization
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


async def test_whenever_the_next_process_dies_the_way_back_stays_what_was_judged_well(
    site: Site, tmp_path: Path
) -> None:
    judged = site.recorded[DESK].version
    left = await deaths(
        site,
        tmp_path,
        Site.converge,
        first=lambda event: event.name == "change.rolling-back",
        last=lambda event: event.name == "sync.started",
    )
    assert len(left) > 7
    for event, other in left:
        await other.converge()

        step = other.store.journal.latest(NAME)[DESK]
        assert (step.state, step.previous_version) == (StepState.RECORDED, judged), event
        published = other.simulator.flow(DESK.type, DESK.name).published
        assert published is not None
        assert NEWER in published.text, event
        assert other.store.quarantines.active(NAME) == (), event
        assert (await other.recover()).clean, event
        assert (await other.plan()).empty, event
        await other.close()
