"""Makes one exchange over HTTP: bounded in time and size, without redirects, with httpx's exceptions translated."""

from __future__ import annotations

import ssl
from functools import cache
from typing import BinaryIO

import httpx

from controller.domain.clock import Clock
from controller.domain.errors.organization import BadAnswer, Unreachable
from controller.domain.waiting import deadline
from controller.genesys.call import Answer, ApiCall
from controller.genesys.errors import fault_of, lost
from controller.genesys.latency import Latency
from controller.genesys.settings import TransportSettings

_ENCODINGS = frozenset({"", "identity", "gzip", "deflate"})
"""Accepted encodings: 64 KiB unpack to at most 64 MiB. Other or nested encodings could fill the memory."""


class _TooLarge(Exception):  # noqa: N818 - it never leaves this module
    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates that httpx trusts, read once for all organisations: that takes 40 ms each time."""
    return httpx.create_ssl_context()


class ApiSender:
    """Sends each request exactly once and measures it. Holds the connections of one organisation."""

    def __init__(
        self, clock: Clock, settings: TransportSettings, *, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self.latency = Latency()
        self._clock = clock
        self._settings = settings
        self._http = httpx.AsyncClient(
            transport=transport,
            verify=_trusted(),
            # A redirect could take the token to another host.
            follow_redirects=False,
            headers={"Accept": "application/json", "Accept-Encoding": "gzip, deflate", "User-Agent": "penstock"},
            timeout=httpx.Timeout(
                connect=settings.connect_timeout_s,
                read=settings.read_timeout_s,
                write=settings.write_timeout_s,
                pool=settings.pool_timeout_s,
            ),
            limits=httpx.Limits(
                # Logins and transfers by presigned URL take no slot of the request budget.
                max_connections=settings.concurrency + 4,
                max_keepalive_connections=settings.concurrency,
            ),
        )

    async def send(self, call: ApiCall, request: httpx.Request, *, sink: BinaryIO | None = None) -> Answer:
        """The whole answer of any status. The body of a successful one goes into `sink` if it is given.

        Raises Unreachable, AnswerLost (writes) or BadAnswer.
        """
        limit, deadline_s = call.limit_bytes or self._settings.json_limit_bytes, self._settings.deadline_s
        host = request.url.netloc.decode()  # with the port where it is not the usual one
        started_s = self._clock.monotonic()
        status = 0
        try:
            async with deadline(self._clock, deadline_s):
                response = await self._http.send(request, stream=True)
                content = await self._content(response, limit, sink)
            status = response.status_code
        except TimeoutError:
            reason = f"{host} did not answer within {deadline_s:g} s"
            raise (Unreachable(f"{call.name}: {reason}") if call.safe else lost(call, reason)) from None
        except _TooLarge as error:
            reason = f"{host} sent an answer of more than {error.limit:,} bytes"
            raise (BadAnswer(f"{call.name}: {reason}") if call.safe else lost(call, reason)) from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict, httpx.StreamError) as error:
            raise fault_of(call, error, host) from error
        finally:
            self.latency.record(call.method, call.route, self._clock.monotonic() - started_s, status)
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(status, headers, content)

    def build(
        self,
        method: str,
        url: str,
        *,
        params: list[tuple[str, str]] | None = None,
        headers: dict[str, str] | None = None,
        content: bytes | None = None,
    ) -> httpx.Request:
        """A request for `send`. Raises BadAnswer for an invalid URL."""
        try:
            query = httpx.QueryParams(tuple(params)) if params else None
            return self._http.build_request(method, url, params=query, headers=headers, content=content)
        except (httpx.InvalidURL, ValueError) as error:
            raise BadAnswer(f"{method}: what should be a URL is none") from error

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _content(self, response: httpx.Response, limit: int, sink: BinaryIO | None) -> bytes:
        """Read the body, and close the response."""
        try:
            if response.headers.get("content-encoding", "").strip().lower() not in _ENCODINGS:
                raise httpx.DecodingError("an encoding that was not asked for", request=response.request)
            content, size = bytearray(), 0
            async for chunk in response.aiter_bytes():
                size += len(chunk)
                if size > limit:
                    raise _TooLarge(limit)
                if sink is not None and response.is_success:
                    sink.write(chunk)
                else:
                    content += chunk
        finally:
            await response.aclose()
            # Calls are independent: no answer may change the next request.
            self._http.cookies.clear()
        return bytes(content)
