"""Listing flows: pages, filters, orders, and what one flow looks like."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from controller.domain.identity import FlowKey
from controller.simulator.settings import PENSTOCK
from controller.simulator.simulator import Simulator
from tests.simulator.steps import main_id
from tests.support.clock import SteppedClock


async def names(api: httpx.AsyncClient, **query: Any) -> list[str]:
    answer = await api.get("/api/v2/flows", params=query)
    return [entity["name"] for entity in answer.raise_for_status().json()["entities"]]


async def test_a_flow_shows_its_versions_and_an_upper_case_type(api: httpx.AsyncClient, simulator: Simulator) -> None:
    flow = (await api.get(f"/api/v2/flows/{main_id(simulator)}")).json()
    assert (flow["type"], flow["name"], flow["active"], flow["deleted"]) == ("INBOUNDCALL", "Main IVR", True, False)
    assert flow["publishedVersion"]["id"] == flow["checkedInVersion"]["id"] == "1.0"
    assert flow["publishedVersion"]["dateCreated"] == 1_767_614_400_000
    assert flow["publishedVersion"]["datePublished"] == "2026-01-05T12:00:00.000Z"
    assert flow["publishedBy"]["name"] == "Simulator"
    assert "lockedUser" not in flow
    assert "lockedClient" not in flow


async def test_pages_hold_25_flows_unless_asked_otherwise(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock
) -> None:
    for number in range(60):
        simulator.organization.create(FlowKey("workflow", f"Flow {number:02}"), PENSTOCK.actor, clock.now())
    first = (await api.get("/api/v2/flows")).json()
    assert (len(first["entities"]), first["total"], first["pageCount"], first["pageSize"]) == (25, 63, 3, 25)
    assert "previousUri" not in first
    last = (await api.get("/api/v2/flows?pageNumber=3")).json()
    assert len(last["entities"]) == 13
    assert "nextUri" not in last
    seen: list[str] = []
    uri: str | None = "/api/v2/flows?pageSize=20&sortBy=name"
    while uri:
        page = (await api.get(uri)).json()
        seen += [entity["name"] for entity in page["entities"]]
        uri = page.get("nextUri")
    assert len(seen) == len(set(seen)) == 63
    assert seen == sorted(seen, key=str.lower)
    beyond = (await api.get("/api/v2/flows?pageNumber=9")).json()
    assert beyond["entities"] == []


@pytest.mark.parametrize("query", ["pageSize=0", "pageSize=501", "pageNumber=-1", "pageSize=many", "sortBy=colour"])
async def test_a_page_that_cannot_be_gets_400(api: httpx.AsyncClient, query: str) -> None:
    answer = await api.get(f"/api/v2/flows?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid.query.param.value")


async def test_filters_by_type_and_name_combine(api: httpx.AsyncClient) -> None:
    assert await names(api, type="commonmodule") == ["Greeting"]
    assert sorted(await names(api, type="COMMONMODULE,inboundcall")) == ["Greeting", "Main IVR", "Support"]
    assert sorted(await names(api, type=["commonmodule", "inboundcall"])) == ["Greeting", "Main IVR", "Support"]
    assert await names(api, name="main ivr") == ["Main IVR"]
    assert await names(api, name="main") == []
    assert await names(api, name="MAIN*") == ["Main IVR"]
    assert await names(api, name="*r*", type="commonmodule") == ["Greeting"]
    assert await names(api, nameOrDescription="*hello*") == ["Greeting"]
    assert await names(api, name="*", sortBy="name", sortOrder="desc") == ["Support", "Main IVR", "Greeting"]


async def test_filters_by_publishing_time_lock_and_division(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock
) -> None:
    clock.advance(60)
    flow_id = main_id(simulator)
    by = {"by": "Ada Lovelace"}
    await api.post(f"/_simulator/flows/{flow_id}/publish", json=by)
    assert await names(api, publishedAfter="2026-01-05T12:00:30Z") == ["Main IVR"]
    assert "Main IVR" not in await names(api, publishedBefore="2026-01-05T12:00:30Z")
    await api.post(f"/_simulator/flows/{flow_id}/lock", json=by)
    holder = (await api.get(f"/api/v2/flows/{flow_id}")).json()["lockedUser"]
    assert holder["name"] == "Ada Lovelace"
    assert await names(api, lockedBy=holder["id"]) == ["Main IVR"]
    assert await names(api, lockedByClientId="penstock") == []
    support = simulator.flow("inboundcall", "Support")
    division = (await api.get(f"/api/v2/flows/{support.id}")).json()["division"]
    assert division["name"] == "Care"
    assert await names(api, divisionId=division["id"]) == ["Support"]
    assert (await api.get("/api/v2/flows?publishedAfter=yesterday")).json()["code"] == "invalid.date"


async def test_lookup_gives_the_flows_with_these_ids(api: httpx.AsyncClient, simulator: Simulator) -> None:
    wanted = [main_id(simulator), simulator.flow("commonmodule", "Greeting").id]
    found = (await api.get("/api/v2/flows/lookup", params={"id": [*wanted, "unknown"]})).json()
    assert sorted(entity["id"] for entity in found["entities"]) == sorted(wanted)


async def test_deleted_flows_answer_410_and_are_listed_on_demand(api: httpx.AsyncClient, simulator: Simulator) -> None:
    flow_id = main_id(simulator)
    assert (await api.delete(f"/api/v2/flows/{flow_id}")).status_code == 204
    gone = await api.get(f"/api/v2/flows/{flow_id}")
    assert (gone.status_code, gone.json()["code"]) == (410, "architect.flow.deleted")
    assert "Main IVR" not in await names(api)
    assert "Main IVR" in await names(api, deleted="true")
    missing = await api.get("/api/v2/flows/00000000-0000-4000-8000-000000000000")
    assert (missing.status_code, missing.json()["code"]) == (404, "architect.flow.not.found")


async def test_a_flow_in_use_cannot_be_deleted(api: httpx.AsyncClient, simulator: Simulator) -> None:
    module = simulator.flow("commonmodule", "Greeting")
    refused = await api.delete(f"/api/v2/flows/{module.id}")
    assert refused.status_code == 409
    assert "'Main IVR'" in refused.json()["message"]
    together = await api.delete("/api/v2/flows", params={"id": [module.id, main_id(simulator)]})
    assert (together.status_code, together.json()["actionName"]) == (200, "DELETE")


async def test_creating_takes_a_free_name_and_renaming_frees_the_old_one(
    api: httpx.AsyncClient, simulator: Simulator
) -> None:
    body = {"name": "Main IVR", "type": "INBOUNDCALL"}
    assert (await api.post("/api/v2/flows", json=body)).status_code == 409
    renamed = await api.put(f"/api/v2/flows/{main_id(simulator)}", json={"name": "Old IVR"})
    assert renamed.json()["name"] == "Old IVR"
    created = (await api.post("/api/v2/flows", json=body)).json()
    assert created["id"] != renamed.json()["id"]
    assert "checkedInVersion" not in created
    assert (await api.post("/api/v2/flows", json={"name": "X", "type": "nonsense"})).status_code == 400


@pytest.mark.parametrize("name", ["datatables", "milestones", "outcomes"])
async def test_what_stands_beside_flows_is_never_taken_for_a_flow(api: httpx.AsyncClient, name: str) -> None:
    """Each has a list of its own, and what is not there is not called a flow that was not found."""
    listed = (await api.get(f"/api/v2/flows/{name}", params={"pageSize": 100})).raise_for_status().json()
    assert (listed["entities"], listed["total"], listed["pageSize"]) == ([], 0, 100)
    one = await api.get(f"/api/v2/flows/{name}/6a0f2f0e-6f0c-4c2c-9d5e-0b7f0c5b9a11")
    assert (one.status_code, "flow" in one.json()["message"]) == (404, False)
