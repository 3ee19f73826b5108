"""The simulator answers what Genesys' provider for Terraform asks of all that flows need, in its order of calls."""

from __future__ import annotations

from typing import Any

import pytest

from tests.peers.provider import DIVISION, MILESTONE, OUTCOME, PROMPT, QUEUE, TABLE, Kind, Provider, ProviderError
from tests.simulator.test_resource_listings import NEEDY

SCHEMA = {
    "$schema": "http://json-schema.org/draft-04/schema#",
    "type": "object",
    "required": ["key"],
    "properties": {
        "key": {"$id": "/properties/key", "type": "string", "title": "Key"},
        "AgentsIdle": {"$id": "/properties/AgentsIdle", "type": "integer", "title": "AgentsIdle"},
    },
    "additionalProperties": False,
}
MADE: dict[str, tuple[Kind, dict[str, Any]]] = {
    "division": (DIVISION, {"name": "Care", "description": "Calls for help"}),
    "queue": (QUEUE, {"name": "Sales", "description": "New business"}),
    "table": (TABLE, {"name": "Hours", "schema": SCHEMA}),
    "milestone": (MILESTONE, {"name": "Identified", "description": "Knows who calls"}),
    "prompt": (PROMPT, {"name": "Welcome", "description": "Says hello"}),
}


@pytest.mark.parametrize("name", MADE)
async def test_a_resource_is_made_found_changed_and_removed(provider: Provider, name: str) -> None:
    kind, body = MADE[name]
    made = await provider.make(kind, body)

    assert await provider.find(kind, body["name"]) == made
    await provider.change(kind, made, {**body, "name": "Changed"})
    assert await provider.find(kind, "Changed") == made
    with pytest.raises(ProviderError, match="nothing found"):
        await provider.find(kind, body["name"])
    await provider.remove(kind, made)
    with pytest.raises(ProviderError, match="404"):
        await provider.read(kind, made)


async def test_an_outcome_is_made_and_changed_and_never_removed(provider: Provider) -> None:
    """Without a description it shows a space, which the provider takes for none."""
    made = await provider.make(OUTCOME, {"name": "Order placed"})

    assert (await provider.read(OUTCOME, made))["description"] == " "
    await provider.change(OUTCOME, made, {"name": "Order placed", "description": "Paid, too"})
    assert (await provider.read(OUTCOME, made))["description"] == "Paid, too"
    with pytest.raises(ProviderError, match="405"):
        await provider.remove(OUTCOME, made)


async def test_a_table_has_its_schema_and_its_rows(provider: Provider) -> None:
    table = await provider.make(TABLE, MADE["table"][1])

    assert (await provider.read(TABLE, table))["schema"]["properties"] == SCHEMA["properties"]
    await provider.make_row(table, "monday", {"AgentsIdle": 3})
    assert await provider.row(table, "monday") == {"AgentsIdle": 3}
    with pytest.raises(ProviderError, match=r"409.*already exists"):
        await provider.make_row(table, "monday", {"AgentsIdle": 4})
    with pytest.raises(ProviderError, match=r"400.*the columns Colour do not exist"):
        await provider.make_row(table, "tuesday", {"Colour": "red"})
    await provider.remove_row(table, "monday")


async def test_a_prompt_has_the_sound_that_was_sent(provider: Provider) -> None:
    prompt = await provider.make_prompt("Welcome", "en-us", b"RIFF" + b"\0" * 8_000)

    (resource,) = (await provider.read(PROMPT, prompt))["resources"]
    assert (resource["uploadStatus"], resource["tags"]) == ("transcoded", {"filename": ["welcome.wav"]})
    assert (await provider.http.get(resource["mediaUri"])).content == b"RIFF" + b"\0" * 8_000
    refused = await provider.http.post(resource["uploadUri"], files={"file": ("x", b"")})
    assert refused.status_code == 401
    held = {"Authorization": provider.session.token}
    assert (await provider.http.post(resource["uploadUri"], content=b"x", headers=held)).status_code == 400


async def test_a_queue_starts_without_members_and_codes(provider: Provider) -> None:
    assert await provider.queue_parts(await provider.make(QUEUE, {"name": "Sales"})) == (0, 0)


async def test_flows_follow_a_division_to_its_new_name_and_keep_it_from_being_removed(provider: Provider) -> None:
    home = await provider.home()
    care = await provider.make(DIVISION, {"name": "Care"})
    flow = await provider.publish(NEEDY)

    await provider.change(DIVISION, care, {"name": "Help"})
    shown = await provider.session.call("GET", f"/api/v2/flows/{flow}")
    assert shown.json()["division"] == {"id": care, "name": "Help", "selfUri": f"{DIVISION.path}/{care}"}
    for division, told in ((care, r"400.*holds flow 'Support'"), (home, r"400.*home division")):
        with pytest.raises(ProviderError, match=told):
            await provider.remove(DIVISION, division)
    assert (await provider.session.call("DELETE", f"{DIVISION.path}/{care}?force=true")).status_code == 204


async def test_what_a_flow_uses_is_not_removed_until_the_flow_is(provider: Provider) -> None:
    queue = await provider.make(QUEUE, {"name": "Services"})
    flow = await provider.publish(NEEDY)

    assert ("QUEUE", "Services") in await provider.consumed(flow, "INBOUNDCALLFLOW")
    with pytest.raises(ProviderError, match=r"409.*Queue 'Services' is in use by flow 'Support'"):
        await provider.remove(QUEUE, queue)
    await provider.remove_flow(flow)
    await provider.remove(QUEUE, queue)


async def test_force_removes_a_table_in_use_and_the_flow_cannot_be_published_again(provider: Provider) -> None:
    """The provider forces the removal of data tables; a table of the same name that is made later has another id."""
    table = await provider.make(TABLE, {"name": "IVR Cache", "schema": SCHEMA})
    await provider.publish(NEEDY)

    await provider.remove(TABLE, table)
    with pytest.raises(Exception, match="find 'data table' by value of 'IVR Cache' - no matches"):
        await provider.publish(NEEDY)
    again = await provider.make(TABLE, {"name": "IVR Cache", "schema": SCHEMA})
    assert again != table
    await provider.publish(NEEDY)
