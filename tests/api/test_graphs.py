"""The dependency graph is made once for what was read and seen, and again only where either changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from controller.domain.status import Health
from controller.questions.live_graph import LiveGraphs
from controller.reconcile.workspace import Workspace
from controller.store.store import Store
from tests.support.api import ServedApi, fill
from tests.support.sources import inbound, module
from tests.support.world import ORGANIZATION, World

GRAPH = f"/organizations/{ORGANIZATION}/graph"


@pytest.fixture
def api(world: World, tmp_path: Path) -> ServedApi:
    world.flow("front-door", inbound("Front door", calls=["Opening hours"]))
    world.flow("opening-hours", module("Opening hours"))
    world.commit()
    fill(world.services.store, world.clock)
    return ServedApi(tmp_path, world.services.store, world.clock, world.workspace(), services=world.services)


@contextmanager
def statements() -> Iterator[list[str]]:
    """The tables that queries read meanwhile."""
    found: list[str] = []

    def note(*seen: object) -> None:
        found.extend(re.findall(r"FROM (\w+)", str(seen[2])))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def healths(api: ServedApi) -> dict[str, str]:
    async with api.asked_by("rita") as client:
        answer = await client.get(GRAPH)
    assert answer.status_code == 200
    return {node["name"]: node["health"] for node in answer.json()["nodes"]}


async def test_a_graph_that_nothing_changed_costs_one_query_and_no_flow_is_read_again(api: ServedApi) -> None:
    first = await healths(api)
    with statements() as read:
        assert await healths(api) == first
    assert read == ["live_marks"]
    assert first == {"Front door": "Progressing", "Opening hours": "Degraded"}


async def test_a_graph_shows_each_change_of_health_at_once(api: ServedApi) -> None:
    await healths(api)
    api.store.running.end("acme")
    assert (await healths(api))["Front door"] == "Healthy"
    view = api.store.views.organization(ORGANIZATION)
    flow = api.store.views.flow(ORGANIZATION, "front-door")
    assert view is not None
    assert flow is not None
    api.store.views.post(view, [replace(flow, health=Health.MISSING)])
    assert (await healths(api))["Front door"] == "Missing"


def kept(graphs: LiveGraphs, store: Store, read: Workspace) -> tuple[object, object]:
    organization = read.organization(ORGANIZATION)
    return graphs.healthy(store, organization).graph, graphs.document(store, organization)


def test_graph_and_document_are_made_once_for_each_reading_of_the_manifests(api: ServedApi, world: World) -> None:
    graphs, read = LiveGraphs(), world.workspace()
    first = kept(graphs, api.store, read)
    assert [one is other for one, other in zip(first, kept(graphs, api.store, read), strict=True)] == [True, True]
    again = world.workspace()
    assert kept(graphs, api.store, again)[0] is not first[0]
    for number in range(9):
        kept(graphs, api.store, world.workspace())
        assert number < 8 or kept(graphs, api.store, read)[0] is not first[0], "at most eight are kept"
