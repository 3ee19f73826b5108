"""Whatever clients of the service's HTTP do, probes are answered, and no client keeps what it does not use."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import httpx
import pytest
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette

from controller.domain.clock import SystemClock
from controller.service import connections
from controller.service.board import Board
from controller.service.http import serve, service_routes
from tests.support.shell import free_port

Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@contextlib.asynccontextmanager
async def served() -> AsyncIterator[int]:
    port, stop = free_port(), asyncio.Event()
    app = Starlette(routes=service_routes(Board(SystemClock()), CollectorRegistry(), dict))
    serving = asyncio.create_task(serve(app, f"127.0.0.1:{port}", stop))
    while not serving.done():
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            break
        await asyncio.sleep(0.01)
    yield port
    stop.set()
    await serving


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with served() as port:
        yield port


@contextlib.asynccontextmanager
async def connected(port: int, count: int, said: bytes) -> AsyncIterator[list[Client]]:
    clients: list[Client] = []
    try:
        for _ in range(count):
            clients.append(await asyncio.open_connection("127.0.0.1", port))
            clients[-1][1].write(said)
        yield clients
    finally:
        for _, writer in clients:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def healthy(port: int) -> bool:
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.get(f"http://127.0.0.1:{port}/healthz", timeout=10)).text == "ok\n"


async def ended(client: Client) -> bool:
    with contextlib.suppress(ConnectionResetError):
        await asyncio.wait_for(client[0].read(), 30)
    return True


@pytest.mark.parametrize(
    "said",
    [b"", b"GET /healthz HTTP/1.1\r\nHost: ", b"GET /healthz HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"],
    ids=("nothing", "half a request", "half an upgrade"),
)
async def test_idle_connections_are_ended_when_there_are_too_many_and_probes_are_answered(
    port: int, said: bytes
) -> None:
    async with connected(port, 400, said) as clients:
        assert [await healthy(port) for _ in range(3)] == [True] * 3

        assert all([await ended(client) for client in clients[:250]])


async def test_a_probe_is_answered_whatever_comes_right_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 8)
    async with served() as port:
        for _ in range(5):
            with contextlib.ExitStack() as stack:

                def connect(into: contextlib.ExitStack = stack) -> socket.socket:
                    return into.enter_context(socket.create_connection(("127.0.0.1", port)))

                probe = connect()
                probe.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
                for _ in range(20):
                    connect()
                probe.setblocking(False)
                answer = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(probe, 1000), 30)
                assert answer.startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize("drip", [b"", b"a"], ids=("silent", "slow"))
async def test_a_request_that_does_not_come_in_time_ends_its_connection(
    port: int, drip: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "REQUEST_S", 0.5)
    async with connected(port, 1, b"GET /healthz HTTP/1.1\r\nHost: ") as (client,):

        async def keep_dripping() -> None:
            while True:
                client[1].write(drip)
                await asyncio.sleep(0.05)

        dripping = asyncio.create_task(keep_dripping())
        assert await ended(client)
        dripping.cancel()


async def test_a_body_that_never_ends_ends_its_connection(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REQUEST_S", 0.5)
    async with connected(port, 1, b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nx") as (client,):
        assert await ended(client)


async def test_an_answer_that_nobody_takes_ends_its_connection(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REQUEST_S", 0.5)
    monkeypatch.setattr(connections, "ANSWER_S", 0.5)
    async with connected(port, 1, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 2000) as (client,):
        assert await healthy(port)
        async with asyncio.timeout(60):
            while not client[1].transport.is_closing():
                client[1].write(b"\r\n")  # it reads nothing, so only a write tells that it was ended
                await asyncio.sleep(0.1)


async def test_a_connection_that_is_used_stays(port: int) -> None:
    async with connected(port, 1, b"") as (client,):
        for _ in range(3):
            client[1].write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert await asyncio.wait_for(client[0].readuntil(b"ok\n"), 10)


async def test_a_client_that_is_being_answered_is_not_ended_for_others(port: int) -> None:
    async with connected(port, 1, b"") as (client,), connected(port, connections.MOST_CONNECTIONS - 1, b"x"):
        client[1].write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200 OK" in await asyncio.wait_for(client[0].readuntil(b"ok\n"), 10)


def test_the_loops_complaints_are_told_once_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    loop = asyncio.new_event_loop()
    faults = connections.LoopFaults()
    for _ in range(11_000):
        faults(loop, {"message": "socket.accept() out of system resource", "exception": OSError(24, "no file left")})
    loop.close()

    assert capsys.readouterr().out.count("loop.fault") == 1
