"""The same rules where bytes really travel: sockets that close, stall, refuse and stop halfway."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from controller.domain.clock import SystemClock
from controller.domain.desired import Endpoint
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.manifest import HostNotAllowed
from controller.domain.errors.organization import AnswerLost, BadAnswer, Unreachable
from controller.genesys.call import ApiCall
from controller.genesys.connect import open_transport
from controller.genesys.settings import TransportSettings
from controller.genesys.transport import Transport

READ = ApiCall("GET", "/api/v2/flows")
WRITE = ApiCall("POST", "/api/v2/flows/actions/publish", body={})
TOKEN = json.dumps({"access_token": "a-token-that-stays-hidden", "expires_in": 3600})
Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


def _text(body: str, *, status: str = "200 OK", length: int | None = None, more: str = "") -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        size = len(body) if length is None else length
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\n{more}\r\n{body}".encode())
        await writer.drain()

    return answer


async def _nothing(_writer: asyncio.StreamWriter) -> None:
    """The connection closes without an answer."""


async def _silence(_writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(300)


async def _noise(writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
    await writer.drain()


@asynccontextmanager
async def _organization(answer: Answer, *, patience_s: float = 60) -> AsyncIterator[tuple[Transport, list[str]]]:
    """A server that grants tokens and gives this answer to everything else; the request lines that it saw."""
    seen: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := (await reader.readline()).decode():
                headers = {}
                while (header := (await reader.readline()).decode().strip()) != "":
                    name, _, value = header.partition(":")
                    headers[name.lower()] = value.strip()
                await reader.readexactly(int(headers.get("content-length", "0")))
                if "/oauth/token" in line:
                    await _text(TOKEN)(writer)
                    continue
                seen.append(line.strip())
                await answer(writer)
                break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    transport = _transport(url, patience_s)
    try:
        yield transport, seen
    finally:
        await transport.aclose()
        server.close()


def _transport(url: str, patience_s: float = 60) -> Transport:
    settings = TransportSettings(retries=0, read_timeout_s=patience_s, connect_timeout_s=60)
    return open_transport(Endpoint(None, url, url), "client", "secret", clock=SystemClock(), settings=settings)


@pytest.mark.parametrize(
    ("answer", "read", "write"),
    [
        (_nothing, Unreachable, AnswerLost),
        (_silence, Unreachable, AnswerLost),
        (_noise, Unreachable, AnswerLost),
        (_text('{"id": "o1"', length=500), Unreachable, AnswerLost),
        (_text("{}", more="Content-Encoding: gzip\r\n"), BadAnswer, AnswerLost),
        (_text("", status="302 Found", more="Location: https://evil.test/\r\n"), HostNotAllowed, HostNotAllowed),
    ],
    ids=["closes", "stalls", "no HTTP", "stops halfway", "lies about its encoding", "redirects"],
)
async def test_a_connection_that_fails_after_the_request_was_sent(
    answer: Answer, read: type[PenstockError], write: type[PenstockError]
) -> None:
    # Only silence is waited for to the end, and longer than a token takes.
    async with _organization(answer, patience_s=1.5 if answer is _silence else 60) as (transport, seen):
        with pytest.raises(read):
            await transport.send(READ)
        with pytest.raises(write):
            await transport.send(WRITE)
    assert seen == ["GET /api/v2/flows HTTP/1.1", "POST /api/v2/flows/actions/publish HTTP/1.1"]


@pytest.mark.parametrize("call", [READ, WRITE], ids=["read", "write"])
async def test_a_port_that_nobody_listens_on_is_unreachable_even_for_a_write(call: ApiCall) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        transport = _transport(f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(Unreachable, match=r"127\.0\.0\.1"):
            await transport.send(call)
        await transport.aclose()


async def test_the_libraries_logs_show_neither_tokens_nor_signed_links(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with _organization(_text("{}")) as (transport, seen):
        await transport.send(READ)
        link = f"{transport.api_url}/file?X-Amz-Signature=s1gn4ture"
        await transport.get_presigned(link, call=ApiCall("GET", "(presigned download)"))
    assert len(seen) == 2
    assert "s1gn4ture" not in caplog.text
    assert "a-token-that-stays-hidden" not in caplog.text
