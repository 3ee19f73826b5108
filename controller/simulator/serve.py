"""Serves a simulated organisation on a socket."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
import threading
from collections.abc import Callable, Iterator

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from controller.domain.errors.process import SettingsInvalid
from controller.simulator.app import create_app
from controller.simulator.mishaps import DROP
from controller.simulator.simulator import Simulator

_OTHER_PORT = "choose another port, or 0 for any free one"


class _ServedConnection(H11Protocol):
    """HTTP with connections that an answer can drop, as a reset does."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        inner = self.app

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            scope["extensions"] = {**scope.get("extensions", {}), DROP: transport.abort}
            await inner(scope, receive, send)

        self.app = app


class _LoopbackServer(uvicorn.Server):
    """A uvicorn server that reports its address and returns on a signal instead of exiting."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[str], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.should_exit:
            return
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        self._ready(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)


def _server(simulator: Simulator, host: str, port: int, ready: Callable[[str], None]) -> _LoopbackServer:
    config = uvicorn.Config(
        create_app(simulator),
        host=host,
        port=port,
        http=_ServedConnection,
        log_config=None,
        access_log=False,
        lifespan="off",
        date_header=False,  # every answer tells the organisation's own time
        timeout_graceful_shutdown=2,
    )
    return _LoopbackServer(config, ready)


async def serve(simulator: Simulator, *, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT. `ready` gets the URL once the socket listens; port 0 means any free port.

    Raises `SettingsInvalid` when the address is not available.
    """
    with _listening(host, port) as listener:
        try:
            await _server(simulator, host, port, ready).serve([listener])
        finally:
            simulator.settle()
            simulator.save()


def _listening(host: str, port: int) -> socket.socket:
    """A bound socket. Raises `SettingsInvalid` where the address cannot be used."""
    try:
        (family, kind, number, _name, address), *_others = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        listener = socket.socket(family, kind, number)
    except OSError as error:
        raise SettingsInvalid(f"cannot listen on {host}: {error.strerror}", hint="choose another --host") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        elsewhere = error.errno == errno.EADDRNOTAVAIL
        raise SettingsInvalid(
            f"cannot listen on {host}:{port}: {(error.strerror or '').lower()}",
            hint="choose another --host: this machine has no such address" if elsewhere else _OTHER_PORT,
        ) from error
    return listener


@contextlib.contextmanager
def running(simulator: Simulator, *, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve from a thread while the block runs; yields the URL."""
    listening = threading.Event()
    urls: list[str] = []

    def ready(url: str) -> None:
        urls.append(url)
        listening.set()

    server = _server(simulator, host, port, ready)

    def run() -> None:
        # uvicorn exits the process when it cannot listen; the block below raises instead.
        with contextlib.suppress(SystemExit):
            server.run()
        listening.set()

    thread = threading.Thread(target=run, name="simulator", daemon=True)
    thread.start()
    listening.wait()
    if not urls:
        raise SettingsInvalid(f"cannot listen on {host}:{port}", hint=_OTHER_PORT)
    try:
        yield urls[0]
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        simulator.save()
