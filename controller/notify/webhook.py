"""Sends one message to one receiver, without redirects, in bounded time; failures are returned, never raised.

Messages are signed by the scheme of Stripe's and Slack's webhooks, so that a receiver can check origin, integrity and
age: HMAC-SHA256 over `<timestamp>.<body>`, so that an old message cannot be sent again under a new time.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import random
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

import httpx
import structlog

from controller import __version__
from controller.domain import waiting
from controller.domain.clock import Clock
from controller.domain.redaction import SECRETS
from controller.notify.outbox import OutgoingMessage
from controller.notify.receiver import Receiver

log = structlog.get_logger()

TIMEOUT_S = 10.0
SOURCE_HEADER = "X-Source"
SOURCE = "penstock"
EVENT_HEADER = "X-Penstock-Event"
DELIVERY_HEADER = "X-Penstock-Delivery"
SIGNATURE_HEADER = "X-Penstock-Signature-256"
TIMESTAMP_HEADER = "X-Penstock-Timestamp"
CEILING_S = 3600.0
_BACKOFF = waiting.Backoff(5.0, longest_s=CEILING_S)


@dataclass(frozen=True, slots=True)
class Reply:
    """How a receiver answered."""

    taken: bool
    reason: str = ""
    """Why it was not taken, without URL or secret."""
    retry_after: str | None = None
    """The `Retry-After` header as it was sent."""
    answered: bool = False
    """Whether the receiver itself said no; else it is down, and the messages behind this one need not be tried."""


async def send_now(receiver: Receiver, message: OutgoingMessage, clock: Clock, *, attempts: int) -> str | None:
    """Send a message that no outbox keeps, `attempts` times at most; None once it is taken, otherwise the reason.

    A receiver that refuses it is not asked again. Each failure is logged.
    """
    async with httpx.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False) as client:
        for attempt in range(attempts):
            reply = await send(client, receiver, message, clock)
            if reply.taken:
                log.info("notification.delivered", receiver=receiver.name, kind=message.kind)
                return None
            log.warning(
                "notification.failed",
                receiver=receiver.name,
                attempt=attempt + 1,
                reason=reply.reason,
                kind=message.kind,
            )
            if reply.answered or attempt + 1 == attempts:
                break
            await clock.sleep(retry_after_s(attempt, reply.retry_after, clock.now()))
    return reply.reason


async def send(client: httpx.AsyncClient, receiver: Receiver, message: OutgoingMessage, clock: Clock) -> Reply:
    """Send a message; returns the receiver's reply and raises nothing but cancellation.

    The delivery header is the same at every try, so that a receiver can drop duplicates.
    """
    body = json.dumps(SECRETS.texts(message.payload), separators=(",", ":"), sort_keys=True).encode()
    timestamp = int(clock.now().timestamp())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"penstock/{__version__}",
        SOURCE_HEADER: SOURCE,
        EVENT_HEADER: message.kind,
        DELIVERY_HEADER: str(message.id),
        TIMESTAMP_HEADER: str(timestamp),
    }
    if receiver.secret is not None:
        headers[SIGNATURE_HEADER] = sign(receiver.secret, timestamp, body)
    try:
        async with (
            asyncio.timeout(TIMEOUT_S),
            client.stream("POST", receiver.url, content=body, headers=headers, follow_redirects=False) as answer,
        ):
            return _reply(receiver, answer)
    except TimeoutError:
        return Reply(taken=False, reason=f"{receiver.host} did not answer within {TIMEOUT_S:g} s")
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        return Reply(taken=False, reason=f"{receiver.host} cannot be reached ({type(error).__name__})")


def _reply(receiver: Receiver, answer: httpx.Response) -> Reply:
    """Judge by the status alone: the body is not read, however long it is."""
    if answer.is_success:
        return Reply(taken=True)
    status = answer.status_code
    reason = f"{receiver.host} answered {status}"
    if answer.is_redirect:
        reason += ", and redirects are not followed"
    busy = status in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS} or status >= 500
    return Reply(taken=False, reason=reason, retry_after=answer.headers.get("Retry-After"), answered=not busy)


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """The signature header's value, `sha256=<hex>`; `timestamp` is in seconds since 1970, as sent in its header."""
    signed = f"{timestamp}.".encode() + body
    return "sha256=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def retry_after_s(attempts: int, header: str | None, now: datetime) -> float:
    """Seconds until the next try, after `attempts` failed ones before this.

    Exponential from 5 s to an hour, drawn between half and all of it. A longer `Retry-After` is honoured up to an hour.
    """
    ceiling_s = _BACKOFF.wait_s(attempts + 1)
    drawn_s = random.uniform(ceiling_s / 2, ceiling_s)  # noqa: S311 - spreads load, guards nothing
    return max(drawn_s, waiting.retry_after_s({"retry-after": header or ""}, now, longest_s=CEILING_S) or 0.0)
