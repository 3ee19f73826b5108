"""The graph of the service names what the organisation lacks, as `penstock graph --missing --resources` does."""

from __future__ import annotations

import re

import pytest

from controller.reconcile.workspace import open_folder
from tests.pages.served import Served, application
from tests.pages.showroom import Showroom, look
from tests.support.needy import QUEUE_LINE, needy
from tests.support.resource_server import Resources
from tests.support.world import ORGANIZATION, World

GRAPH = f"/organizations/{ORGANIZATION}/graph"
PLACE = f"flows/desk.yaml:{QUEUE_LINE}:19"


@pytest.fixture
async def resources(world: World) -> Resources:
    found = Resources(behind=world.http)
    found.names |= {"queue": ["Sails"], "data-action": ["CRM / Look up"]}
    world.http = found  # type: ignore[assignment]
    await world.restart()
    world.flow("desk", needy())
    world.commit()
    await look(world)
    return found


@pytest.fixture
def served(world: World, resources: Resources) -> Served:
    return application(Showroom(world, open_folder(world.clone, world.settings), ()))


async def test_the_graph_lists_what_the_last_pass_found_missing(served: Served) -> None:
    async with served.client() as client:
        page = (await client.get(GRAPH)).text
        document = (await client.get(f"/api/v1{GRAPH}")).json()

    card = re.sub(r"<[^>]+>", "|", page[page.index('id="missing-title"') :].partition("</section>")[0])
    assert [text in card for text in ("Desk", "queue |Sales", PLACE, "Sails")] == [True] * 4
    assert "Look up" not in card
    [missing] = document["missing"]
    assert (missing["types"], missing["name"], missing["origin"], missing["close"]) == (
        ["queue"],
        "Sales",
        PLACE,
        "Sails",
    )


async def test_it_is_gone_with_the_first_pass_that_finds_it(served: Served, world: World, resources: Resources) -> None:
    async with served.client() as client:
        assert "missing-title" in (await client.get(GRAPH)).text
        resources.names["queue"] = ["Sales"]
        world.clock.advance(world.settings.list_ttl + 1)
        await look(world)
        assert "missing-title" not in (await client.get(GRAPH)).text
