"""The examples are repositories that work: each is planned and delivered to a simulated organisation.

What differs from the files is only where an organisation answers and where its credentials come from.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import httpx
import pytest
import yaml

from controller.delivery.delivery import Delivery
from controller.delivery.sync_run import DeliveryEvent
from controller.domain.desired import Organization
from controller.domain.identity import FlowKey
from controller.domain.ports import Platform
from controller.flows.flow_file import parse
from controller.genesys.connect import connect
from controller.planning.guard import Confirmations
from controller.reconcile.delivering import delivery_settings
from controller.reconcile.loop import run_pass
from controller.reconcile.pass_ import Mode, PassRequest
from controller.reconcile.report import PassReport
from controller.reconcile.services import Services
from controller.reconcile.settings import Settings
from controller.reconcile.workspace import Workspace, open_folder
from controller.simulator.app import create_app
from controller.simulator.control import EDITS, UserEdit, person
from controller.simulator.settings import SimulatorSettings
from controller.simulator.simulator import Simulator
from controller.simulator.traffic import Traffic
from controller.store.store import Store
from tests.support.clock import SteppedClock
from tests.support.sources import inbound, module

EXAMPLES = Path(__file__).parents[2] / "examples"


class _Organizations(httpx.AsyncBaseTransport):
    """Each organisation on a port of its own."""

    def __init__(self, simulators: dict[str, Simulator]) -> None:
        self._by_port = {
            8080 + index: httpx.ASGITransport(app=create_app(simulator))
            for index, simulator in enumerate(simulators.values())
        }

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert request.url.port is not None
        return await self._by_port[request.url.port].handle_async_request(request)


def _open_probed(
    services: Services,
    platform: Platform,
    organization: Organization,
    on_event: Callable[[DeliveryEvent], None],
    stopping: Callable[[], bool],
) -> Delivery:
    """A delivery whose HTTP gates reach one page only, which says that all is well."""
    page = httpx.MockTransport(lambda _request: httpx.Response(200, json={"greeting": {"ok": True}}))
    settings = replace(delivery_settings(services, organization), gate_transport=page)
    return Delivery(platform, services.store, services.clock, settings, on_event=on_event, stopping=stopping)


@dataclass
class Example:
    folder: Path
    clock: SteppedClock
    simulators: dict[str, Simulator]
    services: Services

    async def run(self, organization: str, mode: Mode = Mode.APPLY, **said: object) -> PassReport:
        async def source() -> Workspace:
            return open_folder(self.folder, self.services.settings)

        request = PassRequest(organization, mode, confirmations=Confirmations(**said))  # type: ignore[arg-type]
        return await run_pass(request, self.services, source)

    async def assert_in_sync(self, organization: str) -> None:
        plan = (await self.run(organization, Mode.PLAN)).plan_or_raise()
        assert plan.empty, plan

    def versions(self, organization: str) -> dict[str, str | None]:
        simulator = self.simulators[organization]
        simulator.settle()
        flows = simulator.organization.flows()
        return {flow.key.name: flow.published.id if flow.published else None for flow in flows}

    def publish_by_hand(self, organization: str, text: str, version: str | None = None) -> None:
        state = self.simulators[organization].organization
        key, author, now = parse(text).key, person(state, "Ada"), self.clock.now()
        flow = state.find(key) or state.create(key, author, now)
        added = state.add_version(flow, text, author, now).id
        EDITS["publish"](state, UserEdit(flow, author, None, version or added), now)


def at_simulators(folder: Path) -> list[str]:
    """Let the organisations of a folder answer on this machine; returns their names in order."""
    names = []
    for path in sorted(folder.rglob("organization.yaml")):
        manifest = yaml.safe_load(path.read_text(encoding="utf-8"))
        spec, url = manifest["spec"], f"http://127.0.0.1:{8080 + len(names)}"
        del spec["region"]
        spec |= {"apiUrl": url, "loginUrl": url}
        spec["credentials"] = {
            "clientId": {"env": "GENESYS_ID"},
            "clientSecret": {"env": "GENESYS_SECRET"},
        }
        path.write_text(yaml.safe_dump(manifest), encoding="utf-8")
        names.append(manifest["metadata"]["name"])
    return names


@pytest.fixture
async def example(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Example]:
    monkeypatch.setenv("GENESYS_ID", "penstock")
    monkeypatch.setenv("GENESYS_SECRET", "penstock-secret")
    folder = tmp_path / request.param
    shutil.copytree(EXAMPLES / request.param, folder)
    clock = SteppedClock()
    settings = SimulatorSettings(rate_limit_per_minute=3000)
    simulators = {name: Simulator(clock, settings) for name in at_simulators(folder)}
    operator = Settings(store=f"sqlite:///{tmp_path / 'store.db'}", rate_limit=3000)
    store = Store.open(operator.store, clock=clock)
    connected = partial(connect, http=_Organizations(simulators))
    services = Services(operator, store, clock, connected, open_delivery=_open_probed)
    yield Example(folder, clock, simulators, services)
    await services.disconnect()
    store.close()


@pytest.mark.parametrize("example", ["two-organizations"], indirect=True)
async def test_two_organisations_get_the_same_flows_with_values_of_their_own(example: Example) -> None:
    """Development is delivered at once; production waits for a person who approves its very plan."""
    development = await example.run("development")
    refused = await example.run("production")
    assert refused.error is not None
    assert refused.error.code == "not-confirmed"
    digest = refused.plan_or_raise().digest
    production = await example.run("production", approved_digest=digest)

    assert (development.error, production.error) == (None, None)
    assert example.versions("development") == {"Greeting": "1.0", "Front Door": "1.0", "Callback Experiment": "1.0"}
    assert example.versions("production") == {"Greeting": "1.0", "Front Door": "1.0"}
    texts = [simulator.flow("commonmodule", "Greeting").versions[-1].text for simulator in example.simulators.values()]
    assert ["test line" in text for text in texts] == [True, False]
    for name in example.simulators:
        await example.assert_in_sync(name)


@pytest.mark.parametrize("example", ["gates"], indirect=True)
async def test_gates_windows_and_a_group_of_flows_that_refer_to_each_other(example: Example) -> None:
    """By day the window is closed; at night the group goes live, is watched for ten minutes, and stays."""
    example.publish_by_hand("clinic", inbound("Night Line"))
    example.publish_by_hand("clinic", inbound("Reception"))
    _fill(example, "clinic", 20)

    by_day = await example.run("clinic")
    example.clock.advance(8 * 3600)
    _traffic(example, "clinic", FlowKey("inboundcall", "Reception"))
    at_night = await example.run("clinic")

    assert by_day.error is not None
    assert by_day.error.code == "window-closed"
    assert at_night.error is None
    assert at_night.result is not None
    assert {step.change.flow: step.state.value for step in at_night.result.steps} == {
        "appointment-booking": "recorded",
        "reception": "recorded",
        "night-line": "recorded",
    }, at_night.result
    await example.assert_in_sync("clinic")


@pytest.mark.parametrize("example", ["pinned-versions"], indirect=True)
async def test_pinned_versions_go_live_in_stages_and_a_suspended_flow_is_left_alone(example: Example) -> None:
    for version in range(1, 5):
        example.publish_by_hand("retail", module("Store Finder", says=f"Text {version}"), "1.0")
    for version in range(1, 14):
        example.publish_by_hand("retail", inbound("Retail IVR", calls=["Store Finder"], says=f"{version}"), "1.0")
    example.publish_by_hand("retail", inbound("Returns Desk"))
    _traffic(example, "retail", FlowKey("inboundcall", "Retail IVR"))
    began = example.clock.now()

    report = await example.run("retail")

    assert report.error is None
    assert example.versions("retail") == {"Store Finder": "4.0", "Retail IVR": "13.0", "Returns Desk": "1.0"}
    assert (example.clock.now() - began).total_seconds() >= (15 + 30 + 10) * 60
    plan = (await example.run("retail", Mode.PLAN)).plan_or_raise()
    assert plan.empty, plan


def _traffic(example: Example, organization: str, key: FlowKey) -> None:
    """Executions without errors, so many that the gates have enough to judge by."""
    state = example.simulators[organization].organization
    flow = state.find(key)
    assert flow is not None
    state.state.traffic.append(Traffic(flow.id, example.clock.now(), 40, 0.0, None))


def _fill(example: Example, organization: str, count: int) -> None:
    """Flows that nobody manages, as an organisation has them."""
    for number in range(count):
        example.publish_by_hand(organization, module(f"Other {number}"))
