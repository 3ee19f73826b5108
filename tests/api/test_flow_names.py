"""Every flow is reached by its name, whatever is in it: also where the name ends like an address below a flow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from starlette.applications import Starlette

from controller.service.api.paths import PREFIX, ApiMount
from tests.support.api import ServedApi, flow_view, organization_view, serving
from tests.support.sources import inbound
from tests.support.world import ORGANIZATION, World

NAMES = [
    "inboundcall/Desk",
    "inboundcall/Desk/diff",
    "inboundcall/Desk/history",
    "inboundcall/diff/history",
    "inboundcall/Desk/diff/history/diff",
    "inboundcall//",
    "inboundcall/..",
    "inboundcall/../../diff",
    "inboundcall/%2Fdiff",
    "inboundcall/a?b=c#d/history",
    "inboundcall/Straße 1\r\n/diff",
    "history",
    "diff",
    "a%2Fb",
]


@pytest.fixture
def served(world: World, tmp_path: Path) -> ServedApi:
    world.flow("desk", inbound("Desk"))
    world.commit()
    store = world.services.store
    flows = [flow_view(world.clock, name, f"Flow {number}") for number, name in enumerate(NAMES)]
    store.views.post(organization_view(world.clock), flows)
    return ServedApi(tmp_path, store, world.clock, world.workspace(), services=world.services)


@pytest.fixture
def client(served: ServedApi) -> Iterator[httpx.Client]:
    """A client of the real server, which decodes paths on its own."""
    with serving(served) as url, httpx.Client(base_url=f"{url}{PREFIX}", headers=served.headers("rita")) as made:
        yield made


def test_each_name_leads_to_its_flow_its_history_and_its_difference(client: httpx.Client) -> None:
    for number, name in enumerate(NAMES):
        address = f"/organizations/{ORGANIZATION}/flows/{quote(name, safe='')}"
        flow = client.get(address)
        assert (flow.status_code, flow.json()["flow"]["flow"]) == (200, name), name
        history = client.get(f"{address}/history")
        assert (history.status_code, history.json()["schema"]) == (200, "penstock.history/v1"), name
        difference = client.get(f"{address}/diff")
        assert difference.status_code == 404, name
        assert f"describes the flow {name!r}" in difference.json()["detail"], number


def test_a_slash_that_is_not_encoded_still_belongs_to_the_name(client: httpx.Client) -> None:
    flows = f"/organizations/{ORGANIZATION}/flows"
    assert client.get(f"{flows}/inboundcall/Desk").json()["flow"]["flow"] == "inboundcall/Desk"
    assert "'inboundcall/Desk' " in client.get(f"{flows}/inboundcall/Desk/diff").json()["detail"]


def test_an_encoded_slash_elsewhere_is_one_as_before(client: httpx.Client) -> None:
    for path in (f"/organizations/{ORGANIZATION}%2Fx/flows/desk", f"/organizations%2F{ORGANIZATION}", "/syncs%2F1"):
        assert client.get(path).status_code in (200, 404), path


async def test_the_api_is_made_once_at_the_first_request() -> None:
    made: list[Starlette] = []

    def make() -> Starlette:
        made.append(Starlette())
        return made[-1]

    transport = httpx.ASGITransport(app=Starlette(routes=[ApiMount(make)]))
    assert made == [], "no start waits for it"

    async with httpx.AsyncClient(transport=transport, base_url=f"http://penstock.example{PREFIX}") as client:
        for _ in range(2):
            assert (await client.get("/flows")).status_code == 404
    assert len(made) == 1
