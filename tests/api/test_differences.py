"""Reads about one organisation: only a comparison asks it, once for each version, and one at a time."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from controller.domain.identity import FlowKey
from controller.service.api.differences import LONGEST_S
from tests.support.api import ServedApi, flow_view, organization_view
from tests.support.documents import follows_its_schema
from tests.support.sources import inbound, module
from tests.support.world import ORGANIZATION, World

HOURS = FlowKey("commonmodule", "Hours")
FRONT = FlowKey("inboundcall", "Front")


@pytest.fixture
async def served(world: World, tmp_path: Path) -> ServedApi:
    """The API of an organisation; git asks for another text of both flows than the one that is live."""
    texts = {"hours": module, "front": inbound}
    for name, text in texts.items():
        world.flow(name, text(name.title()))
    world.commit()
    assert (await world.apply()).delivered
    for name, text in texts.items():
        world.flow(name, text(name.title(), says="We are open"))
    world.commit()
    folder = tmp_path / "served"
    folder.mkdir()
    made = ServedApi(folder, world.services.store, world.clock, services=world.services)
    made.workspace = world.workspace()
    seen(world)
    world.simulator.calls.clear()
    return made


def seen(world: World) -> None:
    """What a pass would have found now."""
    flows = [
        flow_view(
            world.clock,
            name,
            key.name,
            type=key.type,
            version=world.live(key.type, key.name),
            flow_id=world.simulator.flow(key.type, key.name).id,
        )
        for name, key in (("hours", HOURS), ("front", FRONT))
    ]
    world.services.store.views.post(organization_view(world.clock), flows)


async def read(served: ServedApi, path: str) -> dict[str, Any]:
    async with served.asked_by("rita") as client:
        answer = await client.get(f"/organizations/{ORGANIZATION}{path}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    follows_its_schema(found)
    return found


async def test_it_tells_what_the_desired_content_changes(served: ServedApi) -> None:
    (flow,) = (await read(served, "/flows/hours/diff"))["flows"]

    assert (flow["from"]["version"], flow["to"]["file"]) == ("1.0", "flows/hours.yaml")
    assert "We are open" in str(flow["entries"])


async def test_the_organisation_is_asked_once_for_each_version(served: ServedApi, world: World) -> None:
    first = await asyncio.gather(*(read(served, "/flows/hours/diff") for _ in range(5)))
    asked = len(world.simulator.calls.log())
    world.simulator.calls.clear()
    again = await read(served, "/flows/hours/diff")

    assert 0 < asked < 10
    assert world.simulator.calls.log() == []
    assert all(each == again for each in first)

    world.by_hand("publish", HOURS.type, HOURS.name, module("Hours", says="By hand"))
    seen(world)
    (flow,) = (await read(served, "/flows/hours/diff"))["flows"]

    assert flow["from"]["version"] == "2.0"
    assert "By hand" in str(flow["entries"])
    assert world.simulator.calls.log() != []


async def test_one_comparison_at_a_time(served: ServedApi, world: World) -> None:
    await asyncio.gather(read(served, "/flows/hours/diff"), read(served, "/flows/front/diff"))
    named = [flow for call in world.simulator.calls.log() for flow in call.flows]

    changes = sum(one != other for one, other in pairwise(named))
    assert set(named) == {str(HOURS), str(FRONT)}
    assert changes == 1, "the calls of the two comparisons are mixed"


async def test_an_organisation_that_does_not_answer_costs_a_bounded_time(served: ServedApi, world: World) -> None:
    world.fault("slow-body", delay_s=3600)
    begun_s = world.clock.monotonic()
    async with served.asked_by("rita") as client:
        answer = await client.get(f"/organizations/{ORGANIZATION}/flows/hours/diff")

    assert answer.status_code in (502, 503)
    assert answer.headers["content-type"] == "application/problem+json"
    assert world.clock.monotonic() - begun_s <= LONGEST_S


async def test_no_other_read_asks_the_organisation(served: ServedApi, world: World) -> None:
    graph = await read(served, "/graph")
    history = await read(served, "/flows/hours/history")
    everything = await read(served, "/history")
    for path in ("", "/flows", "/flows/hours", "/plan", "/drift"):
        await read(served, path)

    assert world.simulator.calls.log() == []
    assert {node["key"]: node["health"] for node in graph["nodes"]} == {str(HOURS): "Healthy", str(FRONT): "Healthy"}
    (flow,) = history["organizations"][0]["flows"]
    assert [period["version"] for period in flow["periods"]] == ["1.0", None]
    assert {each["flow"] for each in everything["organizations"][0]["flows"]} == {"hours", "front"}


async def test_a_flow_that_no_source_knows_has_no_history(served: ServedApi) -> None:
    async with served.asked_by("rita") as client:
        answer = await client.get(f"/organizations/{ORGANIZATION}/flows/none/history")

    assert (answer.status_code, answer.json()["code"]) == (404, "unknown-resource")
