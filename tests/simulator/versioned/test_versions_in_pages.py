"""A flow's versions come in pages, under ids that need not be their numbers."""

from __future__ import annotations

import httpx
import pytest

from controller.domain.platform import SwitchRequest
from controller.genesys.connect import VersionedPlatform
from tests.simulator.versioned.deeds import by_hand, new_version, publish, switch

HISTORY = 7


@pytest.fixture
async def long(api: httpx.AsyncClient, line: str) -> str:
    """The flow with seven versions, the oldest of them live."""
    for number in range(HISTORY - 2):
        await new_version(api, line, greeting=f"Greeting {number}")
    return line


async def settings(api: httpx.AsyncClient, **changes: object) -> None:
    (await api.patch("/_simulator/settings", json=changes)).raise_for_status()


async def ids(api: httpx.AsyncClient, flow_id: str) -> dict[str, str]:
    answer = await api.get(f"/api/v2/routing/flows/{flow_id}/versions")
    return {row["version"]: row["id"] for row in answer.json()["entities"]}


@pytest.mark.parametrize(("route", "rows"), [("routing/flows/{}/versions", HISTORY), ("flows/{}/versions", HISTORY)])
async def test_the_organisation_chooses_how_large_a_page_is(
    api: httpx.AsyncClient, long: str, route: str, rows: int
) -> None:
    await settings(api, largest_page=3)
    first = (await api.get(f"/api/v2/{route.format(long)}", params={"pageSize": 100})).json()
    assert [row.get("version", row["id"]) for row in first["entities"]] == ["7.0", "6.0", "5.0"]
    assert (first["total"], first["pageCount"], first["pageSize"]) == (rows, 3, 3)
    last = (await api.get(f"/api/v2/{route.format(long)}", params={"pageSize": 100, "pageNumber": 3})).json()
    assert len(last["entities"]) == 1
    assert "nextUri" not in last


async def test_the_client_finds_what_is_live_on_the_last_page(
    api: httpx.AsyncClient, long: str, platform: VersionedPlatform
) -> None:
    await settings(api, largest_page=2)
    assert [info.version for info in await platform.versions.of(long)] == [f"{n}.0" for n in range(HISTORY, 0, -1)]
    flow = await platform.flows.get(long)
    assert flow
    assert flow.published_version == "1.0"


async def test_an_opaque_id_is_the_only_name_of_a_version(api: httpx.AsyncClient, line: str) -> None:
    await settings(api, opaque_version_ids=True)
    found = await ids(api, line)
    assert all(number not in id_ for number, id_ in found.items())
    assert (await publish(api, line, "2.0")).status_code == 404
    assert (await publish(api, line, found["2.0"])).status_code == 202


async def test_a_switch_takes_the_id_and_answers_with_it(
    api: httpx.AsyncClient, line: str, platform: VersionedPlatform
) -> None:
    await by_hand(api, line, "publish", version="2.0")
    await settings(api, opaque_version_ids=True)
    assert (await switch(api, line, "1.0")).status_code == 404
    await platform.publishing.switch(SwitchRequest(line, "1.0", "2.0"))
    flow = await platform.flows.get(line)
    assert flow
    assert flow.published_version == "1.0"
    answer = await switch(api, line, (await ids(api, line))["2.0"])
    assert answer.json()["version"] == (await ids(api, line))["2.0"]
