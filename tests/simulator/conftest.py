"""One simulated organisation in the test's own process, with the three flows of `sources` loaded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from controller.simulator.app import create_app
from controller.simulator.simulator import Simulator
from tests.simulator import sources
from tests.support.clock import SteppedClock

BASE_URL = "http://simulator.test"


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = tmp_path / "flows"
    files.mkdir()
    for name, text in (("greeting", sources.GREETING), ("main", sources.MAIN), ("support", sources.SUPPORT)):
        (files / f"{name}.yaml").write_text(text, encoding="utf-8")
    return files


@pytest.fixture
def simulator(clock: SteppedClock, folder: Path) -> Simulator:
    simulator = Simulator(clock)
    simulator.load_folder(folder)
    return simulator


@pytest.fixture
def transport(simulator: Simulator) -> httpx.ASGITransport:
    return httpx.ASGITransport(app=create_app(simulator))


@pytest.fixture
async def anonymous(transport: httpx.ASGITransport) -> AsyncIterator[httpx.AsyncClient]:
    """Without a token."""
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
        yield client


async def token(client: httpx.AsyncClient, client_id: str = "penstock", secret: str = "penstock-secret") -> str:  # noqa: S107 - the simulator's own
    form = {"grant_type": "client_credentials"}
    answer = await client.post("/oauth/token", data=form, auth=(client_id, secret))
    return str(answer.raise_for_status().json()["access_token"])


@pytest.fixture
async def api(transport: httpx.ASGITransport) -> AsyncIterator[httpx.AsyncClient]:
    """With a token of the client `penstock`."""
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
        client.headers["Authorization"] = f"Bearer {await token(client)}"
        yield client
