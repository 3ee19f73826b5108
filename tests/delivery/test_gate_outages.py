"""A gate that cannot be evaluated is tried again and then pauses: an outage says nothing about the version."""

from __future__ import annotations

import httpx
import pytest

from controller.delivery.result import Outcome, SyncResult
from controller.domain.desired import ErrorRateGate, ExecutionGate, Gate, HttpGate, OnNoData
from controller.domain.identity import FlowKey
from controller.simulator.execution import Traffic
from tests.delivery.probe import URL, Probe, probing
from tests.delivery.scenes import DESK
from tests.delivery.site import NAME, Crash, Site
from tests.support.sources import inbound, workflow

QUERY = {"method": "POST", "route": "/api/v2/flows/instances/query"}
ERROR_RATE = ErrorRateGate(window_s=900, minimum_samples=10, max_rate=0.02)
JOB = FlowKey("workflow", "Job")


async def second_version(site: Site, gate: Gate, text: str = "") -> SyncResult:
    """A flow goes from 1.0 to 2.0 under this gate; executions of it never fail."""
    key = DESK if not text else JOB
    source = inbound if not text else workflow
    site.want("flow", source(key.name))
    await site.deliver()
    organization = site.simulator.organization
    organization.state.execution_data.enabled = True
    flow = site.simulator.flow(key.type, key.name)
    organization.state.traffic.append(Traffic(flow.id, site.clock.now(), 60, 0.0))
    site.want("flow", source(key.name, says="New"), gates=(gate,))
    return await site.deliver()


def assert_paused(site: Site, result: SyncResult, says: str) -> None:
    """What is live stays, nothing is quarantined, and a person is told why."""
    (step,) = result.steps
    assert result.outcome is Outcome.PAUSED, step.error
    assert says in (step.paused or "")
    assert set(site.live().values()) == {"2.0"}
    assert site.store.quarantines.active(NAME) == ()


@pytest.mark.parametrize("on_no_data", [OnNoData.WAIT, OnNoData.FAIL, OnNoData.PASS])
@pytest.mark.parametrize("status", [503, 403])
async def test_executions_that_cannot_be_read_pause_and_decide_once_they_can(
    site: Site, status: int, on_no_data: OnNoData
) -> None:
    site.fault("http-5xx", match=QUERY, status=status)
    gate = ErrorRateGate(window_s=900, minimum_samples=10, max_rate=0.02, on_no_data=on_no_data)

    result = await second_version(site, gate)

    assert_paused(site, result, "gate errorRate: executions could not be read")
    assert 60 <= result.steps[0].duration_s < 200
    site.simulator.faults.clear()
    (recovered,) = (await site.recover()).syncs
    assert recovered.outcome is Outcome.SUCCEEDED


async def test_a_url_that_cannot_be_asked_pauses_and_decides_once_it_can(site: Site) -> None:
    probe = Probe(httpx.ConnectError("refused"))
    probing(site, probe)

    result = await second_version(site, HttpGate(URL))

    assert_paused(site, result, "gate http: https://probe.example.com/ivr?token=*** could not be asked (ConnectError)")
    assert len(probe.asked) == 3
    probe.answers = [(500, "")]
    (recovered,) = (await site.recover()).syncs
    assert recovered.outcome is Outcome.ROLLED_BACK


@pytest.mark.parametrize(
    ("match", "status", "says"),
    [
        ({"method": "POST", "route": "/api/v2/flows/executions"}, 403, "it could not be launched"),
        ({"method": "GET", "route": "/api/v2/flows/executions/{flowExecutionId}"}, 403, "is unknown"),
        ({"method": "GET", "route": "/api/v2/flows/executions/{flowExecutionId}"}, 503, "is unknown"),
    ],
)
async def test_a_launch_that_cannot_be_made_or_followed_pauses_and_is_made_once(
    site: Site, match: dict[str, str], status: int, says: str
) -> None:
    site.fault("http-5xx", match=match, status=status)
    result = await second_version(site, ExecutionGate(), "workflow")
    assert_paused(site, result, says)
    site.simulator.faults.clear()
    (recovered,) = (await site.recover()).syncs
    assert recovered.outcome is Outcome.SUCCEEDED
    assert len([each for each in site.simulator.organization.state.executions.values() if each.launched]) == 1


async def test_the_wait_for_executions_goes_on_after_a_crash_and_does_not_begin_again(site: Site) -> None:
    site.want("flow", inbound("Desk"), gates=(ERROR_RATE,))
    site.crash_when = lambda event: event.name == "change.baking"
    with pytest.raises(Crash):
        await site.deliver()
    live_since_s = site.clock.elapsed_s
    await site.restart()
    site.clock.advance(600)

    (recovered,) = (await site.recover()).syncs

    assert recovered.outcome is Outcome.PAUSED
    assert site.clock.elapsed_s == live_since_s + 900
