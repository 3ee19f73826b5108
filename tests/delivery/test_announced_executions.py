"""The organisation announces executions: a gate looks when that would decide something, and believes only its look."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import replace
from datetime import timedelta

import pytest

from controller.delivery.gates.error_rate import INTERVAL_S, PAUSE_S
from controller.delivery.result import Outcome, SyncResult
from controller.delivery.sync_run import DeliveryEvent
from controller.domain.desired import ErrorRateGate, OnNoData, Rollout
from controller.domain.errors.organization import Unreachable
from controller.domain.events import ExecutionEvent, FlowEvent
from controller.genesys.architect.notifications import ArchitectNotifications
from controller.genesys.connect import ArchitectPlatform
from controller.simulator.execution import Execution, LogSetting, SimulatedLogLevel, Traffic, defaults
from controller.simulator.traffic import executions
from tests.delivery.scenes import DESK
from tests.delivery.site import Site
from tests.support.sources import inbound

QUERY = "/api/v2/flows/instances/query"
SETTINGS = "/api/v2/flows/instances/settings/executiondata"
LONGEST = timedelta(seconds=30)
"""No execution takes longer."""
Speaks = Callable[[Execution], ExecutionEvent | None]


class Channel(ArchitectNotifications):
    """An organisation in this process that announces its executions as it is told to."""

    def __init__(self, site: Site, speaks: Speaks) -> None:
        assert isinstance(site.platform, ArchitectPlatform)
        super().__init__(site.platform.transport)
        self._site = site
        self._speaks = speaks

    async def execution_events(self, flow_ids: Collection[str]) -> AsyncIterator[ExecutionEvent]:
        clock, organization = self._site.clock, self._site.simulator.organization
        began, said = clock.now(), set[str]()
        while True:
            await clock.sleep(0.5)
            began = max(began, clock.now() - LONGEST)
            for execution in executions(organization, began, clock.now()):
                if execution.id in said or execution.flow_id not in flow_ids:
                    continue
                said.add(execution.id)
                event = self._speaks(execution)
                if event is not None:
                    yield event

    async def flow_events(
        self, flow_ids: Collection[str], *, on_open: Callable[[], None] | None = None
    ) -> AsyncIterator[FlowEvent]:
        raise Unreachable(f"no channel for {len(flow_ids)} flows: {on_open}")
        yield


def broken(_execution: Execution) -> ExecutionEvent:
    raise Unreachable("the notification channel failed")


def truly(execution: Execution) -> ExecutionEvent:
    return ExecutionEvent(execution.flow_id, execution.version, failed=bool(execution.error))


def falsely(execution: Execution) -> ExecutionEvent:
    return ExecutionEvent(execution.flow_id, execution.version, failed=True)


def of_another_version(execution: Execution) -> ExecutionEvent:
    return ExecutionEvent(execution.flow_id, "99.0", failed=True)


async def deliver(
    site: Site, speaks: Speaks | None, *, rate: float, per_minute: float = 60, bake_s: float = 600, samples: int = 5
) -> SyncResult:
    """`desk` goes from 1.0 to 2.0; its executions fail at this rate."""
    site.want("desk", inbound("Desk"))
    await site.deliver()
    flow = site.simulator.flow(DESK.type, DESK.name)
    site.simulator.organization.state.traffic.append(Traffic(flow.id, site.clock.now(), per_minute, rate))
    gate = ErrorRateGate(window_s=900, minimum_samples=samples, max_rate=0.02)
    site.want("desk", inbound("Desk", says="New"), gates=(gate,), rollout=Rollout(bake_s=bake_s))
    if speaks is not None:
        site.platform.notifications = Channel(site, speaks)
        site.settings = replace(site.settings, listens=True)
    site.delivery = site._delivery()
    site.simulator.calls.clear()
    return await site.deliver()


def looks(site: Site) -> int:
    return site.simulator.calls.count("POST", QUERY)


async def test_a_version_that_fails_is_taken_back_as_soon_as_enough_failures_are_announced(site: Site) -> None:
    result = await deliver(site, truly, rate=1.0)
    assert result.outcome is Outcome.ROLLED_BACK
    assert result.steps[0].duration_s < 30, "the first look without a channel"
    assert looks(site) <= 3


async def test_a_new_flow_is_subscribed_to_as_soon_as_its_id_is_known(site: Site) -> None:
    gate = ErrorRateGate(window_s=900, minimum_samples=5, max_rate=0.02)
    site.want("desk", inbound("Desk"), gates=(gate,), rollout=Rollout(bake_s=600))
    site.platform.notifications = Channel(site, truly)
    site.settings = replace(site.settings, listens=True)
    site.delivery = site._delivery()

    def call(event: DeliveryEvent) -> bool:
        if event.name == "change.live":
            flow = site.simulator.flow(DESK.type, DESK.name)
            site.simulator.organization.state.traffic.append(Traffic(flow.id, site.clock.now(), 60, 1.0))
        return False

    site.crash_when = call
    result = await site.deliver()
    assert result.outcome is Outcome.ROLLED_BACK
    assert result.steps[0].duration_s < 30, "the first look without a channel"


async def test_without_a_channel_it_is_taken_back_at_the_next_look(site: Site) -> None:
    result = await deliver(site, None, rate=1.0)
    assert result.outcome is Outcome.ROLLED_BACK
    assert 30 <= result.steps[0].duration_s < 45


@pytest.mark.parametrize("speaks", [falsely, of_another_version])
async def test_what_is_announced_is_never_believed_and_costs_few_looks(site: Site, speaks: Speaks) -> None:
    result = await deliver(site, speaks, rate=0.0, per_minute=12)
    assert result.outcome is Outcome.SUCCEEDED
    assert result.steps[0].duration_s >= 600
    shortest_s = PAUSE_S if speaks is falsely else INTERVAL_S
    assert looks(site) <= 600 / shortest_s + 3


async def test_a_gate_that_waits_for_samples_decides_when_enough_are_announced(site: Site) -> None:
    """Looks without a channel are 30 s apart, and at the one after 30 s there are too few."""
    result = await deliver(site, truly, rate=0.0, per_minute=12, bake_s=0, samples=6)
    assert result.outcome is Outcome.SUCCEEDED
    assert 35 < result.steps[0].duration_s < 60


async def test_a_channel_that_ends_costs_nothing(site: Site) -> None:
    result = await deliver(site, broken, rate=1.0)
    assert result.outcome is Outcome.ROLLED_BACK
    assert result.steps[0].duration_s < 45


@pytest.mark.parametrize(
    ("hide", "says"),
    [("off", "execution data is off in the organisation"), ("disabled", "the flow's log level is Disabled")],
)
async def test_a_gate_that_can_see_nothing_says_why_and_does_not_wait(site: Site, hide: str, says: str) -> None:
    site.want("desk", inbound("Desk"))
    await site.deliver()
    settings = site.simulator.organization.state.execution_data
    if hide == "off":
        settings.enabled = False
    else:
        flow = site.simulator.flow(DESK.type, DESK.name)
        settings.flows[flow.id] = LogSetting(SimulatedLogLevel.DISABLED, defaults(SimulatedLogLevel.DISABLED))
    gate = ErrorRateGate(window_s=900, minimum_samples=5, max_rate=0.02)
    site.want("desk", inbound("Desk", says="New"), gates=(gate,))

    result = await site.deliver()

    [step] = result.steps
    assert result.outcome is Outcome.PAUSED
    assert f"{says}, so there is nothing to see (penstock trace settings)" in (step.paused or "")
    assert step.duration_s < 30
    assert site.simulator.calls.count("GET", SETTINGS) == 1


async def test_a_gate_that_passes_without_data_says_that_there_never_is_any(site: Site) -> None:
    site.want("desk", inbound("Desk"))
    await site.deliver()
    site.simulator.organization.state.execution_data.enabled = False
    gate = ErrorRateGate(window_s=900, minimum_samples=5, max_rate=0.02, on_no_data=OnNoData.PASS)
    site.want("desk", inbound("Desk", says="New"), gates=(gate,))

    assert (await site.deliver()).outcome is Outcome.SUCCEEDED

    [told] = [event.fields["message"] for event in site.events if event.name == "gate.judged"]
    assert "execution data is off" in str(told)


async def test_settings_that_may_not_be_read_change_nothing(site: Site) -> None:
    """A gate without samples waits its window, asks once, and leaves the decision to a person."""
    site.want("desk", inbound("Desk"))
    await site.deliver()
    site.fault("http-5xx", match={"route": SETTINGS})
    gate = ErrorRateGate(window_s=900, minimum_samples=5, max_rate=0.02)
    site.want("desk", inbound("Desk", says="New"), gates=(gate,))

    result = await site.deliver()

    assert result.outcome is Outcome.PAUSED
    assert "waited 900 s for more" in (result.steps[0].paused or "")
