"""Validate jobs and the dependency index follow from the flows as they are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest

from controller.simulator.faults import Fault, FaultKind
from controller.simulator.simulator import Simulator
from tests.simulator.sources import GREETING, MAIN, changed
from tests.simulator.steps import Json, main_id, publish, texts, upload
from tests.support.clock import SteppedClock

TRACKING = "/api/v2/architect/dependencytracking"
CALLING = """commonModule:
  name: {name}
  startUpTaskActions:
    - callCommonModule:
        name: Call
        commonModule:
          {callee}:
            ver_latestPublished:
              none: true
"""


async def validate(api: httpx.AsyncClient, clock: SteppedClock, flow: Json) -> Json:
    job = (await api.post("/api/v2/flows/validate/jobs", json={"flows": [{"flow": flow}]})).raise_for_status().json()
    assert (job["status"], job["totalFlows"]) == ("Registered", 1)
    started = (await api.get(job["selfUri"])).json()
    assert (started["status"], started["command"]) == ("Started", "Validate")
    clock.advance(1)
    return dict((await api.get(job["selfUri"], params={"expand": "messages"})).json())


async def names(api: httpx.AsyncClient, path: str, **query: Any) -> list[tuple[str, str]]:
    answer = await api.get(f"{TRACKING}/{path}", params=query)
    return [(entity["name"], entity.get("version", "")) for entity in answer.json()["entities"]]


async def test_a_flow_whose_references_are_published_is_valid(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock
) -> None:
    job = await validate(api, clock, {"id": main_id(simulator), "version": "1.0"})
    assert (job["status"], job["messages"]) == ("Success", [])


async def test_every_broken_reference_is_named(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock
) -> None:
    for key, deed in (("Greeting", "unpublish"), ("Support", "delete")):
        flow = next(flow for flow in simulator.organization.flows() if flow.name == key)
        await api.post(f"/_simulator/flows/{flow.id}/{deed}")
    job = await validate(api, clock, {"name": "Main IVR", "type": "INBOUNDCALL"})
    assert job["status"] == "Failure"
    assert texts(job) == [
        "Main IVR (1.0): Flow 'Greeting' version 'published' is missing. (not.found)",
        "Main IVR (1.0): find 'inboundcall' by value of 'Support' - no matches",
    ]


async def test_a_module_cannot_use_a_module(api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock) -> None:
    nested = CALLING.format(name="B", callee="Greeting")
    job = await upload(api, clock, nested)
    assert job["status"] == "Failure"
    assert texts(job)[0] == "Common module 'B' uses common module 'Greeting': modules cannot use modules."
    await api.patch("/_simulator/settings", json={"nested_modules": True})
    assert (await upload(api, clock, nested))["status"] == "Success"


async def test_modules_that_call_each_other_are_circular(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock
) -> None:
    await api.patch("/_simulator/settings", json={"nested_modules": True})
    await upload(api, clock, CALLING.format(name="B", callee="Greeting"))
    await upload(api, clock, CALLING.format(name="A", callee="B"))
    job = await upload(api, clock, CALLING.format(name="Greeting", callee="A"))
    assert job["status"] == "Failure"
    expected = "commonmodule/Greeting -> commonmodule/A -> commonmodule/B -> commonmodule/Greeting"
    assert texts(job)[0] == f"Circular reference between modules: {expected}"


async def test_consumed_resources_carry_the_bound_versions(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock
) -> None:
    await upload(api, clock, changed(GREETING))
    query = {"id": main_id(simulator), "version": "1.0", "objectType": "INBOUNDCALLFLOW"}
    assert await names(api, "consumedresources", **query) == [("Greeting", "1.0"), ("Support", "1.0")]
    only = await names(api, "consumedresources", **query, resourceType="COMMONMODULEFLOW")
    assert only == [("Greeting", "1.0")]
    missing = await api.get(f"{TRACKING}/consumedresources", params={"id": main_id(simulator)})
    assert missing.status_code == 400


async def test_consuming_resources_have_one_row_for_each_version_unless_filtered(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock
) -> None:
    await upload(api, clock, changed(MAIN))
    await publish(api, main_id(simulator), "1.0")
    clock.advance(2)
    query = {"id": simulator.flow("commonmodule", "Greeting").id, "objectType": "COMMONMODULEFLOW"}
    assert await names(api, "consumingresources", **query) == [("Main IVR", "1.0"), ("Main IVR", "2.0")]
    assert await names(api, "consumingresources", **query, flowFilter="published") == [("Main IVR", "1.0")]
    assert await names(api, "consumingresources", **query, flowFilter="checkedIn") == [("Main IVR", "2.0")]


async def test_callers_of_a_module_that_moved_on_are_listed_as_updated(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock
) -> None:
    assert await names(api, "updatedresourceconsumers") == []
    await upload(api, clock, changed(GREETING))
    assert await names(api, "updatedresourceconsumers") == [("Main IVR", "1.0")]
    assert await names(api, "deletedresourceconsumers") == []
    await api.post(f"/_simulator/flows/{simulator.flow('inboundcall', 'Support').id}/delete")
    assert await names(api, "deletedresourceconsumers") == [("Main IVR", "1.0")]


async def test_an_object_shows_both_directions_on_demand(api: httpx.AsyncClient, simulator: Simulator) -> None:
    both = {"consumedResources": "true", "consumingResources": "true"}
    module = simulator.flow("commonmodule", "Greeting")
    shown = (await api.get(f"{TRACKING}/object", params={"id": module.id, **both})).json()
    assert (shown["type"], shown["version"], shown["consumedResources"]) == ("COMMONMODULEFLOW", "1.0", [])
    assert [entry["name"] for entry in shown["consumingResources"]] == ["Main IVR"]
    found = (await api.get(TRACKING, params={"name": "main*", "consumedResources": "true"})).json()["entities"]
    assert [entry["name"] for entry in found[0]["consumedResources"]] == ["Greeting", "Support"]


async def test_types_tell_which_are_versioned(api: httpx.AsyncClient) -> None:
    types = (await api.get(f"{TRACKING}/types", params={"pageSize": 100})).json()["entities"]
    versioned = {one["id"]: one["versioned"] for one in types}
    assert (versioned["COMMONMODULEFLOW"], versioned["WORKFLOW"], versioned["QUEUE"]) == (True, True, False)
    assert (await api.get(f"{TRACKING}/types/QUEUE")).json()["name"] == "QUEUE"
    assert (await api.get(f"{TRACKING}/types/NONSENSE")).status_code == 404


async def test_a_rebuild_answers_206_until_it_is_done(api: httpx.AsyncClient, clock: SteppedClock) -> None:
    assert (await api.get(f"{TRACKING}/build")).json()["status"] == "OPERATIONAL"
    assert (await api.post(f"{TRACKING}/build")).status_code == 202
    assert (await api.get(f"{TRACKING}/build")).json()["status"] == "BUILDINPROGRESS"
    assert (await api.get(TRACKING, params={"name": "*"})).status_code == 206
    clock.advance(30)
    assert (await api.get(f"{TRACKING}/build")).json()["status"] == "OPERATIONAL"
    assert (await api.get(TRACKING, params={"name": "*"})).status_code == 200
    await api.post("/_simulator/index", json={"status": "OPERATIONALNEEDSREBUILD"})
    assert (await api.get(TRACKING, params={"name": "*"})).status_code == 206


async def test_an_index_can_lag_behind_a_publish(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock
) -> None:
    clock.advance(600)
    simulator.configure(replace(simulator.settings, index_s=300))
    await upload(api, clock, changed(MAIN))
    query = {"id": main_id(simulator), "version": "2.0", "objectType": "INBOUNDCALLFLOW"}
    assert await names(api, "consumedresources", **query) == []
    clock.advance(300)
    assert len(await names(api, "consumedresources", **query)) == 2


async def test_a_stale_index_hides_something_and_says_206(api: httpx.AsyncClient, simulator: Simulator) -> None:
    simulator.set_faults(Fault(name="stale", kind=FaultKind.STALE_INDEX, times=1))
    query = {"id": main_id(simulator), "version": "1.0", "objectType": "INBOUNDCALLFLOW"}
    partial = await api.get(f"{TRACKING}/consumedresources", params=query)
    assert (partial.status_code, len(partial.json()["entities"])) == (206, 1)


@pytest.mark.parametrize("path", ["consumedresources", "consumingresources", "object"])
async def test_unknown_objects_are_errors(api: httpx.AsyncClient, path: str) -> None:
    answer = await api.get(f"{TRACKING}/{path}", params={"objectType": "QUEUE", "version": "1.0"})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad.request")
