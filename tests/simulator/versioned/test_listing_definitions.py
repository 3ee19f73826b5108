"""Flows with their definitions: derived from Archy, or given as they are."""

from __future__ import annotations

import httpx

from controller.flows.canonical import digest
from controller.genesys.connect import VersionedPlatform
from controller.simulator.simulator import Simulator
from tests.simulator.sources import MAIN, changed
from tests.simulator.steps import upload
from tests.simulator.versioned.deeds import by_hand, definition, entity, make
from tests.support.clock import SteppedClock


async def test_one_path_answers_both_dialects(api: httpx.AsyncClient, main: str) -> None:
    plain = (await api.get("/api/v2/flows")).json()["entities"]
    assert all("definition" not in row for row in plain)
    shown = await entity(api, main)
    plain_row = next(row for row in plain if row["id"] == main)
    assert plain_row == {name: shown[name] for name in plain_row}
    assert (shown["version"], shown["metadata"]["status"], shown["type"]) == ("1.0", "deployed", "INBOUNDCALL")


async def test_a_definition_follows_from_the_archy_source(
    api: httpx.AsyncClient, simulator: Simulator, main: str
) -> None:
    shown = (await entity(api, main))["definition"]
    calls = [node for node in shown["nodes"].values() if node["type"] == "callCommonModule"]
    module = simulator.flow("commonmodule", "Greeting")
    assert calls[0]["name"] == "Greet"
    assert calls[0]["flow"] == {"id": module.id, "name": "Greeting", "type": "commonmodule"}
    conditions = {way["condition"] for way in shown["transitions"]}
    assert {"yes", "no", None} <= conditions
    assert all(way["from"] in shown["nodes"] and way["to"] in shown["nodes"] for way in shown["transitions"])


async def test_a_definition_changes_with_the_content(
    api: httpx.AsyncClient, clock: SteppedClock, main: str, platform: VersionedPlatform
) -> None:
    await upload(api, clock, changed(MAIN))
    first, second = await platform.versions.export(main, "1.0"), await platform.versions.export(main, "2.0")
    assert digest(first.definition) != digest(second.definition)


async def test_a_given_definition_comes_back_as_it_was_given(api: httpx.AsyncClient, line: str) -> None:
    assert (await entity(api, line))["definition"] == definition()
    version = (await api.get(f"/api/v2/flows/{line}/versions/2.0")).json()
    assert (version["status"], version["definition"]) == ("draft", definition("Good evening"))


async def test_the_last_page_is_the_short_one(api: httpx.AsyncClient) -> None:
    for number in range(4):
        await make(api, f"Flow {number}")
    sizes = []
    for number in (1, 2, 3):
        query = {"expand": "definition", "pageSize": 3, "pageNumber": number}
        sizes.append(len((await api.get("/api/v2/flows", params=query)).json()["entities"]))
    assert sizes == [3, 3, 1]
    assert (await api.get("/api/v2/flows", params={"expand": "definition", "pageSize": 1001})).status_code == 400
    assert (await api.get("/api/v2/flows", params={"expand": "definition", "pageSize": 1000})).status_code == 200


async def test_a_flow_tells_who_holds_its_lock(api: httpx.AsyncClient, line: str) -> None:
    assert (await entity(api, line))["locked"] is False
    await by_hand(api, line, "lock")
    shown = await entity(api, line)
    assert (shown["locked"], shown["metadata"]["lockedBy"]) == (True, "Ada Lovelace")
    assert shown["lockedUser"]["name"] == "Ada Lovelace"


async def test_a_flow_that_is_not_live_is_a_draft(api: httpx.AsyncClient, line: str) -> None:
    await by_hand(api, line, "unpublish")
    shown = await entity(api, line)
    assert (shown["version"], shown["metadata"]["status"]) == ("2.0", "draft")


async def test_a_definition_without_a_known_type_is_refused(api: httpx.AsyncClient) -> None:
    for body in ({"name": "X", "type": "teapot", "definition": definition()}, {"name": "X", "type": "voice"}):
        assert (await api.post("/_simulator/flows", json=body)).status_code == 400
    broken = {"name": "X", "type": "voice", "definition": ["nodes"]}
    assert (await api.post("/_simulator/flows", json=broken)).status_code == 400


async def test_the_client_reads_what_is_live_and_what_it_refers_to(
    platform: VersionedPlatform, simulator: Simulator, main: str
) -> None:
    listing = await platform.flows.listing()
    assert {str(flow.key): flow.published_version for flow in listing.flows} == {
        "commonmodule/Greeting": "1.0",
        "inboundcall/Main IVR": "1.0",
        "inboundcall/Support": "1.0",
    }
    module, transfer = await platform.versions.references(main, "1.0")
    assert (module.name, module.types, module.binds_at_publish) == ("Greeting", ("commonmodule",), True)
    assert (transfer.name, transfer.flow_id) == ("Support", simulator.flow("inboundcall", "Support").id)


async def test_expressions_are_told_as_expressions(api: httpx.AsyncClient, platform: VersionedPlatform) -> None:
    text = MAIN.replace("name: Support", "exp: Flow.Next").replace("Main IVR", "Dynamic")
    flow_id = (await api.post("/_simulator/flows", json={"text": text})).json()["id"]
    dynamic = [one for one in await platform.versions.references(flow_id, "1.0") if one.resolution == "dynamic"]
    assert [one.name for one in dynamic] == ["Flow.Next"]


async def test_versions_carry_their_status(api: httpx.AsyncClient, line: str) -> None:
    rows = (await api.get(f"/api/v2/routing/flows/{line}/versions")).json()["entities"]
    assert [(row["version"], row["status"]) for row in rows] == [("2.0", "draft"), ("1.0", "deployed")]
    await by_hand(api, line, "publish", version="2.0")
    await by_hand(api, line, "archive", version="1.0")
    rows = (await api.get(f"/api/v2/routing/flows/{line}/versions")).json()["entities"]
    assert [(row["version"], row["status"]) for row in rows] == [("2.0", "deployed"), ("1.0", "archived")]
    refused = await api.post(f"/_simulator/flows/{line}/archive", json={"version": "2.0"})
    assert refused.status_code == 409


async def test_unknown_flows_and_versions_get_404(api: httpx.AsyncClient, line: str) -> None:
    for path in (
        "/api/v2/routing/flows/nobody/versions",
        f"/api/v2/flows/{line}/versions/9.0",
        f"/api/v2/flows/{line}/versions/1.0/publishstatus",
    ):
        answer = await api.get(path)
        assert (answer.status_code, answer.json()["status"]) == (404, 404)
