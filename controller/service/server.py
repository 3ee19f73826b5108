"""Serving the service's own HTTP until it stops."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

import structlog
import uvicorn
from starlette.applications import Starlette

from controller.domain.errors import SettingsInvalid

log = structlog.get_logger()


class _Server(uvicorn.Server):
    """uvicorn without a hand on the signals: the service stops it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(app: Starlette, address: str, stop: asyncio.Event) -> None:
    """Listen on `host:port` until `stop` is set. Raises SettingsInvalid when the address cannot be listened on."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise SettingsInvalid(f"PENSTOCK_HTTP_ADDRESS {address!r} is not of the form host:port")
    config = uvicorn.Config(
        app, host=host.strip("[]"), port=int(port), log_config=None, access_log=False, timeout_graceful_shutdown=2
    )
    server = _Server(config)
    serving = asyncio.ensure_future(server.serve())
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    stopping.cancel()
    try:
        await serving
    except SystemExit as error:
        raise SettingsInvalid(f"cannot listen on {address}", hint="set PENSTOCK_HTTP_ADDRESS") from error
