"""Sends a message to a webhook receiver, signed.

Messages are signed by the scheme of Stripe's and Slack's webhooks, so that a receiver can check origin, integrity and
age: HMAC-SHA256 over `<timestamp>.<body>`, so that an old message cannot be sent again under a new time.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import structlog

from controller.domain.clock import Clock
from controller.domain.redaction import SECRETS
from controller.notify.outbox import OutgoingMessage
from controller.notify.post import http_client, post
from controller.notify.receiver import Receiver
from controller.notify.target import Reply, Send, retry_after_s

log = structlog.get_logger()

SOURCE_HEADER = "X-Source"
SOURCE = "penstock"
EVENT_HEADER = "X-Penstock-Event"
DELIVERY_HEADER = "X-Penstock-Delivery"
SIGNATURE_HEADER = "X-Penstock-Signature-256"
TIMESTAMP_HEADER = "X-Penstock-Timestamp"


class WebhookTarget:
    """A receiver that gets payloads as they are kept."""

    def __init__(self, receiver: Receiver, clock: Clock, http: httpx.AsyncBaseTransport | None = None) -> None:
        """`http` replaces the network in tests."""
        self._receiver = receiver
        self._clock = clock
        self._http = http

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Send]:
        """Sends over connections that are kept within the block."""
        async with http_client(self._http) as client:
            yield lambda message: send(client, self._receiver, message, self._clock)


async def send_now(receiver: Receiver, message: OutgoingMessage, clock: Clock, *, attempts: int) -> str | None:
    """Send a message that no outbox keeps, `attempts` times at most; None once it is taken, otherwise the reason.

    A receiver that refuses it is not asked again. Each failure is logged.
    """
    async with http_client() as client:
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
        SOURCE_HEADER: SOURCE,
        EVENT_HEADER: message.kind,
        DELIVERY_HEADER: str(message.id),
        TIMESTAMP_HEADER: str(timestamp),
    }
    if receiver.secret is not None:
        headers[SIGNATURE_HEADER] = sign(receiver.secret, timestamp, body)
    return await post(client, receiver, body, headers)


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """The signature header's value, `sha256=<hex>`; `timestamp` is in seconds since 1970, as sent in its header."""
    signed = f"{timestamp}.".encode() + body
    return "sha256=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
