"""Posts JSON to one receiver, without redirects, in bounded time; failures are returned, never raised."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from functools import cache
from http import HTTPStatus

import httpx

from controller import __version__
from controller.domain.redaction import SECRETS
from controller.domain.visible import visible
from controller.notify.receiver import Receiver
from controller.notify.target import Reply

TIMEOUT_S = 10.0
_MOST_READ = 2048
_SHOWN = 100
"""Characters of an answer that are told."""


def http_client(http: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """A client without redirects; `http` replaces the network."""
    return httpx.AsyncClient(transport=http, verify=_trusted(), timeout=TIMEOUT_S, follow_redirects=False)


@cache
def _trusted() -> ssl.SSLContext:
    """Made once, because reading the certificates takes long."""
    return httpx.create_ssl_context()


async def post(
    client: httpx.AsyncClient,
    receiver: Receiver,
    body: bytes,
    headers: Mapping[str, str],
    *,
    judge: Callable[[int, str], str | None] | None = None,
) -> Reply:
    """Post JSON; returns the receiver's reply and raises nothing but cancellation.

    The status decides, and the answer's body is not read. With `judge` the beginning of the body is read, told, and
    judged together with the status: `judge` returns why the receiver did not take it, or None.
    """
    sent = {"Content-Type": "application/json", "User-Agent": f"penstock/{__version__}", **headers}
    try:
        async with (
            asyncio.timeout(TIMEOUT_S),
            client.stream("POST", receiver.url, content=body, headers=sent, follow_redirects=False) as answer,
        ):
            text = "" if judge is None else await _beginning(answer)
            return _reply(receiver, answer, text, None if judge is None else judge(answer.status_code, text))
    except TimeoutError:
        return Reply(taken=False, reason=f"{receiver.host} did not answer within {TIMEOUT_S:g} s")
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        return Reply(taken=False, reason=f"{receiver.host} cannot be reached ({type(error).__name__})")


async def _beginning(answer: httpx.Response) -> str:
    read = b""
    async for piece in answer.aiter_bytes():
        read += piece
        if len(read) >= _MOST_READ:
            break
    return read[:_MOST_READ].decode("utf-8", "replace")


def _reply(receiver: Receiver, answer: httpx.Response, text: str, refused: str | None) -> Reply:
    if answer.is_success and refused is None:
        return Reply(taken=True)
    status = answer.status_code
    reason = f"{receiver.host} answered {status}"
    if answer.is_redirect:
        reason += ", and redirects are not followed"
    if refused or text.strip():
        reason += f": {visible(SECRETS.text(refused or text.strip()))[:_SHOWN]}"
    busy = status in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS} or status >= 500
    return Reply(taken=False, reason=reason, retry_after=answer.headers.get("Retry-After"), answered=not busy)
