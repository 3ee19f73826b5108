"""Disturbed answers: dropped, slow, or far too large."""

from __future__ import annotations

import httpx
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from controller.domain.clock import Clock

DROP = "simulator.drop"
"""The scope extension of the server that closes the connection; absent without a connection."""
_CHUNK = 65_536


class DroppedResponse(Response):
    """A connection that breaks, either before the answer or in the middle of the given one."""

    def __init__(self, partial: Response | None = None) -> None:
        super().__init__(status_code=partial.status_code if partial else 500)
        self._partial = partial

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._partial:
            body = bytes(self._partial.body)
            await send(
                {"type": "http.response.start", "status": self.status_code, "headers": self._partial.raw_headers}
            )
            await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        drop = scope.get("extensions", {}).get(DROP)
        if drop is None:
            # Within one process there is no connection to close: make the caller's transport fail like a broken one.
            raise httpx.ReadError("the simulated connection was reset")
        drop()
        while (await receive())["type"] != "http.disconnect":
            pass


class SlowResponse(Response):
    """An answer with a delay between headers and body."""

    def __init__(self, whole: Response, delay_s: float, clock: Clock) -> None:
        super().__init__(bytes(whole.body), whole.status_code)
        self.raw_headers = whole.raw_headers
        self._delay_s, self._clock = delay_s, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await self._clock.sleep(self._delay_s)
        await send({"type": "http.response.body", "body": self.body})


class HugeResponse(Response):
    """A JSON object with one enormous field, sent in pieces."""

    def __init__(self, whole: Response, size: int) -> None:
        super().__init__(status_code=whole.status_code)
        self.raw_headers = [header for header in whole.raw_headers if header[0] != b"content-length"]
        self._size = size

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": b'{"padding": "', "more_body": True})
        for start in range(0, self._size, _CHUNK):
            piece = b"x" * min(_CHUNK, self._size - start)
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b'"}'})
