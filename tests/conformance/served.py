"""The organisation on a socket, for programs, and in the client's own process, for stories on a clock of their own."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

from tests.conformance.door import Door, request_of


class InProcess(httpx.AsyncBaseTransport):
    """What the product sends its requests through, instead of a network."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        target = request.url.raw_path.decode()
        answer = self._door.answer(request_of(request.method, target, dict(request.headers), await request.aread()))
        if answer is None:
            raise httpx.RemoteProtocolError("the server closed the connection without an answer", request=request)
        return httpx.Response(answer.status, headers=dict(answer.headers), content=answer.body, request=request)


@contextlib.contextmanager
def served(door: Door) -> Iterator[str]:
    """Serve it from threads of this process, one call at a time; gives its URL."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - as the base has it
            """The organisation keeps its own log."""

        def _answer(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            with lock:
                answer = door.answer(request_of(self.command, self.path, dict(self.headers), raw))
            if answer is None:
                self.close_connection = True
                self.connection.close()
                return
            self.send_response(answer.status)
            for name, value in {**answer.headers, "Content-Length": str(len(answer.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_POST = do_PUT = _answer  # noqa: N815 - as the base has it

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join(60)
