"""Publishing takes time, is told by the flow, and does not always do what its 200 suggests."""

from __future__ import annotations

from dataclasses import replace

import httpx

from controller.simulator.settings import UnclearPublish
from controller.simulator.simulator import Simulator
from tests.simulator.sources import GREETING, MAIN, changed
from tests.simulator.steps import main_id, publish, upload
from tests.support.clock import SteppedClock


async def test_a_publish_is_live_only_after_it_ended(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock
) -> None:
    flow_id = main_id(simulator)
    await api.post(f"/_simulator/flows/{flow_id}/checkin", json={"by": "Ada", "text": changed(MAIN)})
    operation = (await publish(api, flow_id, "2.0")).json()
    assert (operation["complete"], operation["actionName"], operation["actionStatus"]) == (False, "PUBLISH", "STARTED")
    assert operation["client"]["id"] == "penstock"
    clock.advance(1.9)
    running = (await api.get(f"/api/v2/flows/{flow_id}")).json()
    assert (running["publishedVersion"]["id"], running["currentOperation"]["complete"]) == ("1.0", False)
    clock.advance(0.1)
    done = (await api.get(f"/api/v2/flows/{flow_id}")).json()
    assert done["publishedVersion"]["id"] == "2.0"
    assert done["currentOperation"]["id"] == operation["id"]
    assert (done["currentOperation"]["complete"], done["currentOperation"]["actionStatus"]) == (True, "SUCCESS")
    first = (await api.get(f"/api/v2/flows/{flow_id}/versions/1.0")).json()
    assert first["datePublishedEnd"] == done["publishedVersion"]["datePublished"]


async def test_without_a_version_the_latest_is_published(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock
) -> None:
    flow_id = main_id(simulator)
    await api.post(f"/_simulator/flows/{flow_id}/checkin", json={"text": changed(MAIN)})
    await publish(api, flow_id)
    clock.advance(2)
    assert (await api.get(f"/api/v2/flows/{flow_id}")).json()["publishedVersion"]["id"] == "2.0"


async def test_publishing_what_is_checked_out_makes_the_next_version(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock
) -> None:
    flow_id = main_id(simulator)
    checked_out = (await api.post("/api/v2/flows/actions/checkout", params={"flow": flow_id})).json()
    assert checked_out["lockedClient"]["id"] == "penstock"
    await publish(api, flow_id)
    clock.advance(2)
    flow = (await api.get(f"/api/v2/flows/{flow_id}")).json()
    assert flow["publishedVersion"]["id"] == "2.0"
    assert "lockedClient" not in flow


async def test_callers_are_bound_to_the_module_version_of_their_own_publish(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock
) -> None:
    module = simulator.flow("commonmodule", "Greeting")
    main = simulator.flow("inboundcall", "Main IVR")
    await upload(api, clock, changed(GREETING))
    assert module.published is not None
    assert main.published is not None
    assert (module.published.id, main.published.bindings) == ("2.0", {module.id: "1.0"})
    await publish(api, main.id, "1.0")
    clock.advance(2)
    assert simulator.flow("inboundcall", "Main IVR").published.bindings == {module.id: "2.0"}  # type: ignore[union-attr]


async def test_an_unpublished_module_fails_the_publish_and_says_so(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock
) -> None:
    module = simulator.flow("commonmodule", "Greeting")
    answer = await api.post("/api/v2/flows/actions/deactivate", params={"flow": module.id})
    assert answer.json()["active"] is False
    assert "publishedVersion" not in answer.json()
    await publish(api, main_id(simulator), "1.0")
    clock.advance(2)
    operation = (await api.get(f"/api/v2/flows/{main_id(simulator)}")).json()["currentOperation"]
    assert (operation["complete"], operation["actionStatus"]) == (True, "FAILURE")
    assert operation["errorMessage"] == "Flow 'Greeting' version 'published' is missing. (not.found)"
    assert operation["errorCode"]


async def test_an_unknown_version_gets_200_and_nothing_happens(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock
) -> None:
    answer = await publish(api, main_id(simulator), "99.0")
    assert answer.status_code == 200
    clock.advance(60)
    flow = (await api.get(f"/api/v2/flows/{main_id(simulator)}")).json()
    assert flow["publishedVersion"]["id"] == "1.0"
    assert "currentOperation" not in flow


async def test_publishing_an_older_version_does_what_the_settings_say(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock
) -> None:
    flow_id = main_id(simulator)
    await upload(api, clock, changed(MAIN))
    for behaviour, status, version in (("error", 400, "2.0"), ("silently-nothing", 200, "2.0"), ("works", 200, "1.0")):
        simulator.configure(replace(simulator.settings, older_version=UnclearPublish(behaviour)))
        assert (await publish(api, flow_id, "1.0")).status_code == status
        clock.advance(2)
        assert (await api.get(f"/api/v2/flows/{flow_id}")).json()["publishedVersion"]["id"] == version


async def test_a_second_operation_on_a_flow_gets_409(api: httpx.AsyncClient, simulator: Simulator) -> None:
    assert (await publish(api, main_id(simulator), "1.0")).status_code == 200
    second = await publish(api, main_id(simulator), "1.0")
    assert (second.status_code, second.json()["entityName"]) == (409, "Main IVR")


async def test_history_lists_what_took_effect_newest_first(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock
) -> None:
    flow_id = main_id(simulator)
    clock.advance(5)
    await upload(api, clock, changed(MAIN))
    asked = (await api.post(f"/api/v2/flows/{flow_id}/history")).json()
    listing = (await api.get(f"/api/v2/flows/{flow_id}/history/{asked['id']}", params={"action": "publish"})).json()
    entries = [(entry["action"], entry["version"]) for entry in listing["entities"]]
    assert entries == [("PUBLISH", "2.0"), ("PUBLISH", "1.0")]
    assert listing["entities"][0]["client"]["id"] == "penstock"
    assert listing["entities"][1]["user"]["name"] == "Simulator"


async def test_versions_are_listed_newest_first(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock
) -> None:
    await upload(api, clock, changed(MAIN))
    listing = (await api.get(f"/api/v2/flows/{main_id(simulator)}/versions")).json()
    assert [version["id"] for version in listing["entities"]] == ["2.0", "1.0"]
    missing = await api.get(f"/api/v2/flows/{main_id(simulator)}/versions/7.0")
    assert missing.status_code == 404


async def test_a_configuration_groups_references_with_ids(api: httpx.AsyncClient, simulator: Simulator) -> None:
    flow_id = main_id(simulator)
    configuration = (await api.get(f"/api/v2/flows/{flow_id}/versions/1.0/configuration")).json()
    module, support = simulator.flow("commonmodule", "Greeting"), simulator.flow("inboundcall", "Support")
    assert configuration["manifest"]["commonModuleFlow"] == [{"id": module.id, "name": "Greeting"}]
    assert configuration["manifest"]["inboundCallFlow"] == [{"id": support.id, "name": "Support"}]
    assert (await api.get(f"/api/v2/flows/{flow_id}/latestconfiguration")).json() == configuration
