"""The organisation's clock is hours off, or ours: nothing is published twice, and gates see the right executions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from controller.delivery.result import Outcome
from controller.delivery.sync_run import DeliveryEvent
from controller.domain.desired import ErrorRateGate, OnNoData, Rollout
from controller.domain.status import StepState
from controller.simulator.execution import Traffic
from tests.delivery.scenes import DESK, FRONT, HOURS
from tests.delivery.site import Crash, Site, states
from tests.support.sources import inbound, module

PUBLISH = {"method": "POST", "route": "/api/v2/flows/actions/publish"}


TAKEN_BACK = [
    "commonmodule/Hours 2.0",
    "inboundcall/Front 2.0",
    "inboundcall/Front 1.0",
    "commonmodule/Hours 1.0",
    "inboundcall/Front 1.0",
]
"""The caller comes back first, while the new module is live, and is bound again once the old module is."""


HOURS_AHEAD = [-30, 0, 30]


@pytest.fixture(params=HOURS_AHEAD)
async def apart(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Site]:
    site = Site(tmp_path, ahead=timedelta(hours=request.param))
    yield site
    await site.close()


@pytest_asyncio.fixture(params=HOURS_AHEAD, scope="module", loop_scope="module")
async def _front_live(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    site = Site(tmp_path_factory.mktemp("front"), ahead=timedelta(hours=request.param))
    site.want("hours", module("Hours"))
    site.want("front", inbound("Front", calls=["Hours"]))
    assert (await site.deliver()).outcome is Outcome.SUCCEEDED
    yield site
    await site.close()


@pytest.fixture
async def failing(_front_live: Site, tmp_path: Path) -> AsyncIterator[Site]:
    """`front` and the module `hours` that it calls are published anew, and then `desk` fails."""
    site = _front_live.fork(tmp_path / "failing")
    site.want("hours", module("Hours", says="New"))
    site.want("front", inbound("Front", says="New", calls=["Hours"]))
    site.want("desk", inbound("Desk", transfers=["Front"]))
    site.fault("job-fails", match={"flow": "Desk"})
    yield site
    await site.close()


@pytest.mark.parametrize("point", ["before", "after", "middle"])
async def test_a_version_that_is_published_again_is_published_once_whatever_is_lost(failing: Site, point: str) -> None:
    failing.fault("reset", match=PUBLISH, nth=3, times=1, point=point)

    result = await failing.deliver()

    assert result.outcome is Outcome.ROLLED_BACK, result.steps
    assert failing.publishes()[2:] == TAKEN_BACK
    assert failing.bound(FRONT, HOURS) == "1.0"


@pytest.mark.parametrize("event", ["write.intended", "write.answered", "write.concluded"])
async def test_a_crash_around_that_publish_neither_loses_nor_repeats_it(failing: Site, event: str) -> None:
    def dies(each: DeliveryEvent) -> bool:
        return each.name == event and each.fields.get("action") == "rebind.publish"

    failing.crash_when = dies
    with pytest.raises(Crash):
        await failing.deliver()
    await failing.restart()

    await failing.recover()

    assert failing.publishes()[2:] == TAKEN_BACK
    assert failing.bound(FRONT, HOURS) == "1.0"


async def test_what_somebody_publishes_after_a_change_has_failed_is_left_alone(apart: Site) -> None:
    apart.want("desk", inbound("Desk"))
    await apart.deliver()
    apart.want("desk", inbound("Desk", says="Broken"))
    apart.fault("job-fails", match={"flow": "Desk"})

    def publish_by_hand(event: object) -> bool:
        if getattr(event, "name", "") == "change.failed":
            apart.clock.advance(5)
            apart.by_hand("publish", DESK, inbound("Desk", says="By hand"))
        return False

    apart.crash_when = publish_by_hand
    result = await apart.deliver()

    assert states(result)["desk"] == StepState.FAILED.value
    assert apart.live()[str(DESK)] == "2.0"


@pytest.mark.parametrize("rate", [0.0, 0.5])
async def test_an_error_rate_is_of_the_time_since_the_version_went_live(apart: Site, rate: float) -> None:
    apart.want("desk", inbound("Desk"))
    await apart.deliver()
    desk = apart.simulator.flow(DESK.type, DESK.name)
    stream = Traffic(desk.id, apart.simulator.clock.now(), 60, rate, "2.0")
    apart.simulator.organization.state.traffic.append(stream)
    gate = ErrorRateGate(window_s=300, minimum_samples=50, max_rate=0.1, on_no_data=OnNoData.FAIL)
    apart.want("desk", inbound("Desk", says="New"), rollout=Rollout(bake_s=300), gates=(gate,))

    result = await apart.deliver()

    assert (result.outcome is Outcome.SUCCEEDED) is (rate == 0.0), result.steps[-1].error
