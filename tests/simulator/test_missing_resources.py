"""A flow is published only where the organisation has all that it names, as far as the organisation was told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from controller.simulator.app import create_app
from controller.simulator.content import ROOTS
from controller.simulator.resources.loading import parse_resources, read_resources
from controller.simulator.settings import SimulatedClient, SimulatorSettings
from controller.simulator.simulator import Simulator
from tests.flows.corpus import FILES, each, text_of
from tests.planning.test_resources import EXAMPLES
from tests.simulator.conftest import BASE_URL, token
from tests.simulator.sources import SUPPORT
from tests.simulator.steps import main_id, publish, texts, upload
from tests.simulator.test_resource_listings import NEEDY, RESOURCES
from tests.support.clock import SteppedClock
from tests.support.named_resources import named_resources

WITHOUT = {
    "queue": "find 'queue' by value of 'Services' - no matches",
    "data-action": "find 'data action' by value of 'Billing / Find invoice' - no matches",
    "data-table": "find 'data table' by value of 'IVR Cache' - no matches",
    "user-prompt": "find 'user prompt' by value of 'Welcome' - no matches",
    "division": "find 'division' by value of 'Care' - no matches",
}
"""What a publish of NEEDY says when the organisation has none of a kind."""


async def failed(api: httpx.AsyncClient, clock: SteppedClock, text: str = NEEDY) -> list[str]:
    """What an upload says of missing resources; empty where it is published."""
    job = await upload(api, clock, text)
    found = [one for one in texts(job) if one.startswith("find ")]
    assert (job["status"] == "Failure") is bool(found)
    return found


async def test_nothing_is_missing_as_long_as_nothing_was_loaded(api: httpx.AsyncClient, clock: SteppedClock) -> None:
    assert await failed(api, clock) == []


async def test_everything_is_missing_in_an_empty_organisation_that_is_strict(
    api: httpx.AsyncClient, clock: SteppedClock, simulator: Simulator
) -> None:
    simulator.configure(SimulatorSettings(strict_resources=True))
    assert sorted(await failed(api, clock)) == sorted(WITHOUT.values())
    simulator.load_resources(read_resources(RESOURCES))
    assert await failed(api, clock) == []


@each([*EXAMPLES, *FILES])
async def test_an_empty_organisation_misses_exactly_what_another_reader_finds_in_a_real_flow(
    api: httpx.AsyncClient, clock: SteppedClock, simulator: Simulator, file: Path
) -> None:
    """Flows that are missing, too, are no matter of this test."""
    text = text_of(file)
    named = {(one.kind, one.name) for one in named_resources(text) if one.kind != "system-prompt"}
    simulator.configure(SimulatorSettings(strict_resources=True))
    expected = {f"find '{kind.replace('-', ' ')}' by value of '{name}' - no matches" for kind, name in named}
    flows = {f"find '{kind}'" for kind in ROOTS}
    told = {one for one in texts(await upload(api, clock, text)) if one.startswith("find '")}
    assert {one for one in told if one.partition(" by")[0] not in flows} == expected - {HOME}
    simulator.load_resources(parse_resources({kind: [name for of, name in named if of == kind] for kind, _ in named}))
    told = {one for one in texts(await upload(api, clock, text)) if one.startswith("find '")}
    assert [one for one in told if one.partition(" by")[0] not in flows] == []


HOME = "find 'division' by value of 'Home' - no matches"
"""What is never missing."""


@pytest.mark.parametrize("kind", WITHOUT)
async def test_a_publish_needs_what_it_names_of_a_kind_of_which_anything_was_loaded(
    api: httpx.AsyncClient, clock: SteppedClock, simulator: Simulator, kind: str
) -> None:
    simulator.load_resources(parse_resources({kind: []}))
    assert await failed(api, clock) == [WITHOUT[kind]]
    assert [flow.published.id for flow in simulator.organization.flows() if flow.published and flow.name == "Support"]


@pytest.mark.parametrize("kind", WITHOUT)
async def test_a_resource_that_was_removed_is_missing_also_where_nothing_was_loaded(
    api: httpx.AsyncClient, clock: SteppedClock, kind: str
) -> None:
    assert await failed(api, clock) == []
    name = WITHOUT[kind].split("'")[3]
    await api.delete("/_simulator/resources", params={"kind": kind, "name": name})
    assert await failed(api, clock) == [WITHOUT[kind]]
    await api.post("/_simulator/resources", json={kind: [name]})
    assert WITHOUT[kind] not in await failed(api, clock)


async def test_a_column_that_a_flow_reads_has_to_be_in_its_data_table(
    api: httpx.AsyncClient, clock: SteppedClock, simulator: Simulator
) -> None:
    """By its name or its title; of a table that was loaded without columns nothing is known."""
    text = NEEDY.replace("AgentsIdle: {", "Waiting: {")
    simulator.load_resources(parse_resources({"data-table": ["IVR Cache"]}))
    assert await failed(api, clock, text) == []
    simulator.load_resources(read_resources(RESOURCES))
    assert await failed(api, clock, text) == [
        "find 'column' of data table 'IVR Cache' by value of 'Waiting' - no matches",
    ]
    titled = {"properties": {"key": {"title": "Key"}, "AgentsIdle": {"title": "Waiting"}}}
    simulator.load_resources(parse_resources({"data-table": [{"name": "IVR Cache", "schema": titled}]}))
    assert await failed(api, clock, text) == []


async def test_system_prompts_are_there_unless_they_were_loaded(
    api: httpx.AsyncClient, clock: SteppedClock, simulator: Simulator
) -> None:
    text = NEEDY.replace("Prompt.Welcome", "PromptSystem.beep")
    simulator.load_resources(read_resources(RESOURCES))
    assert await failed(api, clock, text) == ["find 'system prompt' by value of 'beep' - no matches"]
    assert await failed(api, clock, text.replace("beep", "processing")) == []
    await api.delete("/_simulator/resources", params={"kind": "system-prompt"})
    simulator.configure(SimulatorSettings(strict_resources=True))
    assert await failed(api, clock, text) == []


async def test_a_checked_in_version_and_a_validation_fail_like_an_upload(
    api: httpx.AsyncClient, clock: SteppedClock, simulator: Simulator
) -> None:
    await upload(api, clock, NEEDY)
    simulator.load_resources(parse_resources({"queue": []}))
    flow = simulator.flow("inboundcall", "Support")
    await publish(api, flow.id, "2.0")
    clock.advance(10)
    operation = (await api.get(f"/api/v2/flows/{flow.id}")).json()["currentOperation"]
    assert (operation["actionStatus"], operation["errorMessage"]) == ("FAILURE", WITHOUT["queue"])
    job = (await api.post("/api/v2/flows/validate/jobs", json={"flows": [{"flow": {"id": flow.id}}]})).json()
    clock.advance(10)
    done = (await api.get(job["selfUri"], params={"expand": "messages"})).json()
    assert (done["status"], texts(done)) == ("Failure", [f"Support (2.0): {WITHOUT['queue']}"])
    query = {"id": flow.id, "version": "2.0", "objectType": "INBOUNDCALLFLOW"}
    consumed = (await api.get("/api/v2/architect/dependencytracking/consumedresources", params=query)).json()
    assert [one["name"] for one in consumed["entities"] if one["deleted"]] == ["Services"]
    broken = await api.get("/api/v2/architect/dependencytracking/deletedresourceconsumers")
    assert [one["name"] for one in broken.json()["entities"]] == ["Support"]


async def test_the_index_tells_a_secure_data_action_from_others(
    api: httpx.AsyncClient, clock: SteppedClock, simulator: Simulator
) -> None:
    action = {"category": "Billing", "name": "Find invoice", "secure": True}
    simulator.load_resources(parse_resources({"data-action": [action]}))
    await upload(api, clock, NEEDY)
    flow = simulator.flow("inboundcall", "Support")
    query = {"id": flow.id, "version": "2.0", "objectType": "INBOUNDCALLFLOW"}
    consumed = (await api.get("/api/v2/architect/dependencytracking/consumedresources", params=query)).json()
    kinds = {one["type"]: one["name"] for one in consumed["entities"]}
    assert kinds["SECUREACTION"] == "Billing / Find invoice"
    assert kinds["QUEUE"] == "Services"


async def test_changes_are_announced_to_those_who_subscribed(api: httpx.AsyncClient, simulator: Simulator) -> None:
    prompt = (await api.post("/api/v2/architect/prompts", json={"name": "Welcome"})).json()
    outcome = (await api.post("/api/v2/flows/outcomes", json={"name": "Done"})).json()
    topics = [f"v2.architect.prompts.{prompt['id']}", f"v2.flows.outcomes.{outcome['id']}"]
    channel = (await api.post("/api/v2/notifications/channels")).json()["id"]
    subscribed = await api.put(
        f"/api/v2/notifications/channels/{channel}/subscriptions", json=[{"id": topic} for topic in topics]
    )
    assert subscribed.status_code == 200
    await api.put(prompt["selfUri"], json={"name": "Welcome", "description": "Says hello"})
    await api.put(outcome["selfUri"], json={"name": "Sold"})
    waiting = simulator.notifications.channels[channel].waiting
    told: list[dict[str, Any]] = [waiting.get_nowait() for _ in range(waiting.qsize())]
    assert [(one["topicName"], one["eventBody"]["name"], one["eventBody"]["description"]) for one in told] == [
        (topics[0], "Welcome", "Says hello"),
        (topics[1], "Sold", ""),
    ]


async def test_what_another_resource_names_by_its_id_is_not_deleted(
    api: httpx.AsyncClient, simulator: Simulator
) -> None:
    schedule = (await api.post("/api/v2/architect/schedules", json={"name": "Weekdays"})).json()
    opened = {"name": "Office", "openSchedules": [{"id": schedule["id"]}]}
    group = (await api.post("/api/v2/architect/schedulegroups", json=opened)).json()
    refused = await api.delete(schedule["selfUri"])
    assert (refused.status_code, refused.json()["message"]) == (
        409,
        "Schedule 'Weekdays' is in use by schedule group 'Office'.",
    )
    assert (await api.delete(group["selfUri"])).status_code == 204
    assert (await api.delete(schedule["selfUri"])).status_code == 204
    flow = main_id(simulator)
    queue = (await api.post("/api/v2/routing/queues", json={"name": "Sales", "queueFlow": {"id": flow}})).json()
    assert (await api.delete(f"/api/v2/flows/{flow}")).status_code == 409
    assert (await api.delete(queue["selfUri"])).status_code == 204
    assert (await api.delete(f"/api/v2/flows/{flow}")).status_code == 204


async def test_a_flow_is_made_in_the_division_that_its_id_names(api: httpx.AsyncClient) -> None:
    division = (await api.post("/api/v2/authorization/divisions", json={"name": "Care"})).json()
    body = {"name": "Draft", "type": "WORKFLOW", "division": {"id": division["id"]}}
    assert (await api.post("/api/v2/flows", json=body)).json()["division"]["name"] == "Care"
    body = {"name": "Other", "type": "WORKFLOW", "division": {"id": "nothing"}}
    assert (await api.post("/api/v2/flows", json=body)).status_code == 404


async def test_a_data_action_keeps_the_integration_that_it_was_made_with(
    api: httpx.AsyncClient, simulator: Simulator
) -> None:
    simulator.load_resources(parse_resources({"integration": ["Web services"]}))
    integration = (await api.get("/api/v2/integrations")).json()["entities"][0]["id"]
    body = {"name": "Pay", "category": "Billing", "integrationId": integration}
    made = (await api.post("/api/v2/integrations/actions", json=body)).json()
    assert (await api.get(made["selfUri"])).json()["integrationId"] == integration


async def test_names_are_taken_once_and_needed(api: httpx.AsyncClient) -> None:
    for uri, body in (
        ("/api/v2/routing/queues", {"name": "Sales"}),
        ("/api/v2/integrations/actions", {"name": "Pay", "category": "Billing"}),
    ):
        assert (await api.post(uri, json=body)).status_code == 200
        assert (await api.post(uri, json=body)).status_code == 409
        other = (await api.post(uri, json={**body, "name": "Other"})).json()
        verb = "PUT" if "queues" in uri else "PATCH"
        assert (await api.request(verb, other["selfUri"], json={"name": body["name"]})).status_code == 409
        assert (await api.post(uri, json={**body, "name": " "})).status_code == 400
    assert (await api.post("/api/v2/integrations/actions", json={"name": "Pay"})).status_code == 400
    assert (await api.post("/api/v2/authorization/divisions", json={"name": "Home"})).status_code == 409
    elsewhere = {"name": "Third", "division": {"id": "nothing"}}
    assert (await api.post("/api/v2/routing/queues", json=elsewhere)).status_code == 404
    no_key = {"name": "Hours", "schema": {"properties": {"Open": {"type": "boolean"}}}}
    assert (await api.post("/api/v2/flows/datatables", json=no_key)).status_code == 400


async def test_a_data_table_that_is_not_there_has_genesys_own_words(api: httpx.AsyncClient) -> None:
    """`flows.datatables.table.not.found` and `Not found`: an answer that a public program shows from a real one."""
    for path in ("", "/rows", "/rows/x"):
        answer = await api.get(f"/api/v2/flows/datatables/6a0f2f0e-6f0c-4c2c-9d5e-0b7f0c5b9a11{path}")
        shown = answer.json()
        assert (answer.status_code, shown["code"], shown["message"]) == (
            404,
            "flows.datatables.table.not.found",
            "Not found",
        )


async def test_a_client_publishes_only_in_its_divisions(
    api: httpx.AsyncClient, clock: SteppedClock, simulator: Simulator
) -> None:
    """`divisionspermitted` tells which those are, so that a client can look before it tries."""
    client = {"id": "care", "secret": "s", "divisions": ["Care"]}
    assert (await api.post("/_simulator/clients", json=client)).json()["clients"][-1]["divisions"] == ["Care"]
    transport = httpx.ASGITransport(app=create_app(simulator))
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as care:
        care.headers["Authorization"] = f"Bearer {await token(care, 'care', 's')}"
        assert (await upload(care, clock, SUPPORT))["status"] == "Success"
        refused = await upload(care, clock, SUPPORT.replace("Care", "Home").replace("Support", "Other"))
        assert "in division 'Home': architect:flow:publish" in texts(refused)[0]
        answer = await publish(care, main_id(simulator), "1.0")
        assert (answer.status_code, answer.json()["code"]) == (403, "missing.division.permission")
        me = (await care.get("/api/v2/authorization/subjects/me")).json()
        assert [grant["division"]["name"] for grant in me["grants"]] == ["Care"]
        for uri, everywhere in (("paged/me", False), ("me", None)):
            query = {"permission": "architect:flow:publish"}
            found = (await care.get(f"/api/v2/authorization/divisionspermitted/{uri}", params=query)).json()
            assert [one["name"] for one in (found["entities"] if isinstance(found, dict) else found)] == ["Care"]
            assert everywhere is None or found["allDivsPermitted"] is everywhere
    query = {"permission": "architect:flow:publish"}
    found = (await api.get("/api/v2/authorization/divisionspermitted/paged/me", params=query)).json()
    assert ([one["name"] for one in found["entities"]], found["allDivsPermitted"]) == (["Care", "Home"], True)


async def test_a_client_without_the_permission_may_publish_in_no_division(simulator: Simulator) -> None:
    simulator.clients["poor"] = SimulatedClient("poor", "s", permissions=frozenset({"architect:flow:view"}))
    transport = httpx.ASGITransport(app=create_app(simulator))
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as poor:
        poor.headers["Authorization"] = f"Bearer {await token(poor, 'poor', 's')}"
        query = {"permission": "architect:flow:publish"}
        found = (await poor.get("/api/v2/authorization/divisionspermitted/paged/me", params=query)).json()
        assert (found["entities"], found["allDivsPermitted"]) == ([], False)
        for method, uri, right in (
            ("POST", "/api/v2/routing/queues", "routing:queue:add"),
            ("PUT", "/api/v2/flows/outcomes/6a0f2f0e-6f0c-4c2c-9d5e-0b7f0c5b9a11", "architect:flowOutcome:edit"),
            ("DELETE", "/api/v2/flows/datatables/6a0f2f0e-6f0c-4c2c-9d5e-0b7f0c5b9a11", "architect:datatable:delete"),
            ("POST", "/api/v2/routing/languages", "routing:skill:manage"),
        ):
            answer = await poor.request(method, uri, json={"name": "X"})
            assert (answer.status_code, answer.json()["messageParams"]["permissions"]) == (403, right)
