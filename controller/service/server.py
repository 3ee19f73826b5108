"""Serving the service's own HTTP until it stops."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator

import uvicorn
from starlette.applications import Starlette

from controller.domain.errors import SettingsInvalid
from controller.service.connections import BoundedProtocol, most_connections

_QUEUE = 128
"""As many connections wait in the kernel."""


class _Server(uvicorn.Server):
    """uvicorn without a hand on the signals: the service stops it."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen. asyncio takes the backlog for the length of the queue as well, which is to be longer."""
        await super().startup(sockets)
        for each in sockets or ():
            each.listen(_QUEUE)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(app: Starlette, address: str, stop: asyncio.Event) -> None:
    """Listen on `host:port` until `stop` is set. Raises SettingsInvalid when the address cannot be listened on."""
    listening = await _listening(address)
    # A client's nonsense is nothing to tell; what goes wrong with a good request is.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    most = most_connections()
    config = uvicorn.Config(
        app,
        http=type("Protocol", (BoundedProtocol,), {"most": most}),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        # What comes at a time is accepted before any of it is read: fewer than end the one that was there first.
        backlog=max(1, most // 4),
        timeout_graceful_shutdown=2,
    )
    server = _Server(config)
    serving = asyncio.ensure_future(server.serve(listening))
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        server.should_exit = True
        stopping.cancel()
        await serving


async def _listening(address: str) -> list[socket.socket]:
    """A socket for each address that the host has."""
    host, _, port = address.rpartition(":")
    opened: list[socket.socket] = []
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host.strip("[]"), int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        for family, kind, protocol, _, where in dict.fromkeys(found):
            opened.append(socket.socket(family, kind, protocol))
            opened[-1].settimeout(0)
            opened[-1].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                opened[-1].setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            opened[-1].bind(where)
    except OSError as error:
        for each in opened:
            each.close()
        raise SettingsInvalid(
            f"cannot listen on {address}: {error.strerror or error}", hint="set PENSTOCK_HTTP_ADDRESS"
        ) from error
    return opened
