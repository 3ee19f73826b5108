"""What only the real server shows: headers of proxies are not believed before the service looks at them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from controller.service.http import serve
from tests.access.served import OPERATOR, PUBLIC_URL, Served, served
from tests.support.shell import free_port

SUSPEND = "/organizations/uk-sales/suspend"


@asynccontextmanager
async def listening(service: Served) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the service on a port of loopback."""
    stop, port = asyncio.Event(), free_port()
    serving = asyncio.ensure_future(serve(service.app, f"127.0.0.1:{port}", stop))
    transport = httpx.AsyncHTTPTransport(retries=10)
    headers = {"Host": "penstock.example.com"}
    async with httpx.AsyncClient(transport=transport, base_url=f"http://127.0.0.1:{port}", headers=headers) as client:
        try:
            yield client
        finally:
            stop.set()
            await serving


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
async def test_nobody_forwards_themselves_into_the_address_of_the_proxy(tmp_path: Path, name: str) -> None:
    proxy = {"proxy_addresses": ("10.1.2.3",), "proxy_user_header": "X-Forwarded-User", "proxy_operators": ("*",)}
    with served(tmp_path, **proxy) as service:
        async with listening(service) as client:
            forged = {name: "10.1.2.3", "X-Forwarded-User": "alice", "Origin": PUBLIC_URL}
            assert (await client.get("/status", headers=forged)).status_code == 401
            assert (await client.post(SUSPEND, headers=forged)).status_code == 401
            await client.post(SUSPEND, headers={name: "10.1.2.3", "Authorization": f"Bearer {OPERATOR}"})

    assert service.suspended == [("uk-sales", "operator")]
    assert {entry.details.get("address") for entry in service.entries() if entry.action == "request"} == {"127.0.0.1"}


async def test_answers_do_not_name_the_server(tmp_path: Path) -> None:
    with served(tmp_path) as service:
        async with listening(service) as client:
            assert "server" not in (await client.get("/healthz")).headers
