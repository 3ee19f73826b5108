"""Neighbours that mean harm: an organisation, a gate, clients that only connect, and commits that break readers."""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

Behaviour = Callable[[socket.socket, threading.Event], None]

_OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def hang(_: socket.socket, stop: threading.Event) -> None:
    stop.wait(30)


def html(client: socket.socket, _: threading.Event) -> None:
    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 24\r\n\r\n<html>Please log in</ht>")


def flood(client: socket.socket, stop: threading.Event) -> None:
    """A body without end."""
    client.sendall(_OK + b'Transfer-Encoding: chunked\r\n\r\n1\r\n"\r\n')
    while not stop.is_set():
        client.sendall(b"10000\r\n" + b"x" * 65_536 + b"\r\n")


def flood_headers(client: socket.socket, stop: threading.Event) -> None:
    client.sendall(b"HTTP/1.1 200 OK\r\n")
    while not stop.is_set():
        client.sendall(b"X-Filler: " + b"y" * 8000 + b"\r\n")


def reset(client: socket.socket, _: threading.Event) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def drip(client: socket.socket, stop: threading.Event) -> None:
    """A body that comes byte by byte."""
    client.sendall(_OK + b"Content-Length: 100000\r\n\r\n")
    while not stop.wait(0.2):
        client.sendall(b" ")


def later(client: socket.socket, _: threading.Event) -> None:
    client.sendall(b"HTTP/1.1 429 Too Many\r\nRetry-After: " + b"9" * 400 + b"\r\nContent-Length: 2\r\n\r\n{}")


def nested(client: socket.socket, _: threading.Event) -> None:
    client.sendall(_OK + b"Content-Length: 200000\r\n\r\n" + b"[" * 200_000)


def token(client: socket.socket, _: threading.Event) -> None:
    body = json.dumps({"access_token": "t" * 40, "token_type": "bearer", "expires_in": 86_400}).encode()
    client.sendall(_OK + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)


ORGANIZATIONS: dict[str, tuple[Behaviour, ...]] = {
    "silent": (hang,),
    "broken": (token, html, token, reset),
    "loud": (token, flood, token, flood_headers),
    "strange": (token, nested, token, drip, token, later),
}
"""How hostile organisations answer, each connection in turn; a login has to work before anything else is asked."""
GATES: dict[str, Behaviour] = {"flood": flood, "drip": drip, "nested": nested, "hang": hang}


@dataclass
class Hostile:
    """A server that answers each connection in another way, in turn."""

    behaviours: tuple[Behaviour, ...]
    asked: int = 0
    url: str = ""
    _stop: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def serving(self) -> Iterator[Hostile]:
        with socket.create_server(("127.0.0.1", 0), backlog=200) as listener:
            self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            listener.settimeout(0.2)
            accepting = threading.Thread(target=self._accept, args=(listener,))
            accepting.start()
            try:
                yield self
            finally:
                self._stop.set()
                accepting.join()

    def _accept(self, listener: socket.socket) -> None:
        turns = itertools.cycle(self.behaviours)
        while not self._stop.is_set():
            with contextlib.suppress(TimeoutError):
                client, _ = listener.accept()
                self.asked += 1
                threading.Thread(target=self._answer, args=(client, next(turns)), daemon=True).start()

    def _answer(self, client: socket.socket, behaviour: Behaviour) -> None:
        with client, contextlib.suppress(OSError):
            client.settimeout(30)
            client.recv(65_536)
            behaviour(client, self._stop)


class HalfOpen:
    """Clients that send half a request and wait; one that is closed comes again."""

    def __init__(self, port: int, count: int) -> None:
        self._port = port
        self._count = count
        self._stop = threading.Event()
        self._clients: list[socket.socket] = []

    @contextlib.contextmanager
    def connected(self) -> Iterator[None]:
        holding = threading.Thread(target=self._hold)
        holding.start()
        try:
            yield
        finally:
            self._stop.set()
            holding.join()
            for client in self._clients:
                client.close()

    def _hold(self) -> None:
        while not self._stop.wait(0.5):
            for client in [client for client in self._clients if _is_closed(client)]:
                client.close()
                self._clients.remove(client)
            while len(self._clients) < self._count and not self._stop.is_set():
                try:
                    client = socket.create_connection(("127.0.0.1", self._port), timeout=5)
                    client.sendall(b"GET /healthz HTTP/1.1\r\nHost: ")
                except OSError:
                    break
                self._clients.append(client)


def _is_closed(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return client.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


class Memory:
    """The most memory that a process held, looked at all the time."""

    def __init__(self, process_id: int) -> None:
        self._status = Path(f"/proc/{process_id}/status")
        self.most_mib = 0.0

    @contextlib.contextmanager
    def watched(self) -> Iterator[Memory]:
        stop = threading.Event()
        watching = threading.Thread(target=self._watch, args=(stop,))
        watching.start()
        try:
            yield self
        finally:
            stop.set()
            watching.join()

    def _watch(self, stop: threading.Event) -> None:
        while not stop.wait(0.1):
            with contextlib.suppress(OSError):
                lines = [line for line in self._status.read_text().splitlines() if line.startswith("VmRSS:")]
                self.most_mib = max([self.most_mib, *(int(line.split()[1]) / 1024 for line in lines)])
