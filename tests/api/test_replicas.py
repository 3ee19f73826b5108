"""Every replica gives the same answers: they come from the store that the replicas share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.domain.clock import SystemClock
from controller.store.store import Store
from tests.support.api import DIGEST, ORGANIZATION, ServedApi, fill
from tests.support.postgres import needed_server, new_store

PATHS = (
    "/organizations",
    "/organizations/acme",
    "/organizations/acme/flows?search=front&sort=-health",
    "/organizations/acme/flows/front-door",
    "/organizations/acme/drift",
    "/organizations/acme/plan",
    "/syncs",
    "/syncs/1",
    "/audit",
    "/actions/1",
    "/openapi.json",
)


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with needed_server() as server:
        yield new_store(server.url)


@pytest.fixture
def replicas(postgres: str, tmp_path: Path) -> Iterator[tuple[ServedApi, ServedApi]]:
    """Two, with a store of their own each over one PostgreSQL."""
    clock = SystemClock()
    with Store.open(postgres, clock=clock) as one, Store.open(postgres, clock=clock) as other:
        fill(one, clock)
        folders = tmp_path / "one", tmp_path / "other"
        for folder in folders:
            folder.mkdir()
        yield ServedApi(folders[0], one, clock), ServedApi(folders[1], other, clock)


async def test_two_replicas_on_postgresql_give_the_same_bytes(replicas: tuple[ServedApi, ServedApi]) -> None:
    one, other = replicas
    async with one.asked_by("olga") as here, other.asked_by("olga") as there:
        asked = await here.post(
            f"/organizations/{ORGANIZATION}/sync",
            json={"reason": "CHG-1", "digest": DIGEST},
            headers={"idempotency-key": "1"},
        )
        again = await there.post(
            f"/organizations/{ORGANIZATION}/sync",
            json={"reason": "CHG-1", "digest": DIGEST},
            headers={"idempotency-key": "1"},
        )
        suspended = await there.post(f"/organizations/{ORGANIZATION}/suspend", json={"reason": "freeze"})
        assert (asked.status_code, again.json(), suspended.status_code) == (202, asked.json(), 200)
        for path in PATHS:
            first, second = await here.get(path), await there.get(path)
            assert first.status_code == 200, (path, first.text)
            assert second.content == first.content, path
        running = [(await each.get("/running")).json()["passes"] for each in (here, there)]
        odd = await there.get(f"/organizations/{ORGANIZATION}/flows", params={"search": "a\x00b"})

    assert running[0] == running[1] != []
    assert odd.status_code == 422, "PostgreSQL keeps no text with NUL"
