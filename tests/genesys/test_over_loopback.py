"""Client and simulated organisation over a real socket and in real time: events arrive, broken connections are met."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing

import httpx
import pytest

from controller.domain.capabilities import ARCHITECT
from controller.domain.clock import SystemClock
from controller.domain.desired import Endpoint
from controller.domain.errors.organization import AnswerLost, Unreachable
from controller.domain.events import ExecutionEvent
from controller.domain.identity import FlowKey
from controller.domain.platform import ProgressState, PublishRequest
from controller.genesys.connect import ArchitectPlatform, connect, latency
from controller.genesys.preflight import preflight
from controller.genesys.settings import TransportSettings
from controller.simulator.faults import Fault
from controller.simulator.serve import running
from controller.simulator.settings import SimulatorSettings
from controller.simulator.simulator import Simulator
from tests.genesys.hands import ivr
from tests.support.patience import PATIENCE_S

FAST = SimulatorSettings(publish_s=0.1, upload_s=0.1, export_s=0.1)


@pytest.fixture
def simulator() -> Simulator:
    return Simulator(settings=FAST)


@pytest.fixture
def url(simulator: Simulator) -> Iterator[str]:
    with running(simulator) as url:
        yield url


@pytest.fixture
async def organization(url: str) -> AsyncIterator[ArchitectPlatform]:
    settings = TransportSettings(retries=1, retry_base_s=0.01, poll_s=0.05)
    endpoint = Endpoint(None, url, url)
    platform = connect(endpoint, ARCHITECT, "penstock", "penstock-secret", clock=SystemClock(), settings=settings)
    assert isinstance(platform, ArchitectPlatform)
    yield platform
    await platform.aclose()


async def _published(organization: ArchitectPlatform) -> str:
    slot = await organization.uploads.register()
    await organization.uploads.send(slot, ivr())
    while not (progress := await organization.publishing.progress(slot.ticket)).finished:
        await SystemClock().sleep(0.02)
    assert progress.state is ProgressState.SUCCEEDED
    assert progress.flow_id
    return progress.flow_id


async def test_a_flow_is_uploaded_found_and_exported(organization: ArchitectPlatform) -> None:
    flow_id = await _published(organization)
    found = await organization.flows.find(FlowKey("inboundcall", "Main IVR"))
    assert found
    assert found.id == flow_id
    export = await organization.versions.export(flow_id, "1.0")
    assert export.yaml
    assert "Main IVR" in export.yaml


async def test_a_publish_is_pushed_to_who_listens(organization: ArchitectPlatform) -> None:
    flow_id = await _published(organization)
    async with aclosing(organization.notifications.flow_events([flow_id])) as events:  # type: ignore[type-var]
        heard = asyncio.create_task(anext(aiter(events)))
        while not any(route.route.endswith("/subscriptions") for route in latency(organization)):
            await SystemClock().sleep(0.02)
        await organization.publishing.publish(PublishRequest(flow_id, "1.0"))
        event = await asyncio.wait_for(heard, PATIENCE_S)
    assert (event.flow_id, event.action) == (flow_id, "PUBLISH")


async def test_executions_are_pushed_to_who_listens(simulator: Simulator, organization: ArchitectPlatform) -> None:
    flow_id = await _published(organization)
    async with aclosing(organization.notifications.execution_events([flow_id])) as events:  # type: ignore[type-var]
        heard = asyncio.create_task(anext(aiter(events)))
        while not any(channel.connection for channel in simulator.notifications.channels.values()):
            await SystemClock().sleep(0.02)
        async with httpx.AsyncClient(base_url=organization.transport.api_url, timeout=30) as hands:
            demand = {"flow": flow_id, "count": 1, "error_rate": 1.0}
            (await hands.post("/_simulator/executions", json=demand)).raise_for_status()
        event = await asyncio.wait_for(heard, PATIENCE_S)
    assert event == ExecutionEvent(flow_id, "1.0", failed=True)


@pytest.mark.parametrize("point", ["before", "after", "middle"])
async def test_a_connection_that_breaks_is_met(
    simulator: Simulator, organization: ArchitectPlatform, point: str
) -> None:
    flow_id = await _published(organization)
    simulator.set_faults(Fault.model_validate({"name": "x", "kind": "reset", "point": point}))
    with pytest.raises(Unreachable):
        await organization.flows.get(flow_id)
    with pytest.raises(AnswerLost):
        await organization.publishing.publish(PublishRequest(flow_id, "1.0"))


async def test_a_client_with_all_rights_passes_the_preflight(organization: ArchitectPlatform) -> None:
    report = await preflight(organization)
    assert report.ok
    assert report.missing_permissions == ()
    assert report.dependency_index == "OPERATIONAL"
    assert report.clock_skew_s is not None
    assert abs(report.clock_skew_s) < 30
